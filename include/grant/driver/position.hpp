#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace grant {

/// The identity of a cluster's history. It grows at each promotion.
struct Epoch {
  /// Which history: PostgreSQL's system identifier. Empty: the engine has none.
  std::string history{};
  /// Which branch of it: PostgreSQL's timeline.
  std::uint64_t branch{};

  /// Epochs of different histories cannot be compared.
  friend std::partial_ordering operator<=>(const Epoch& a, const Epoch& b) noexcept {
    if (a.history != b.history) return std::partial_ordering::unordered;
    return a.branch <=> b.branch;
  }
  friend bool operator==(const Epoch& a, const Epoch& b) noexcept = default;
};

/// A place in PostgreSQL's log, in bytes from its beginning: a pg_lsn.
struct Lsn {
  std::uint64_t bytes{};

  friend auto operator<=>(const Lsn&, const Lsn&) noexcept = default;
};

/// One of MariaDB's transactions, as its log has it: "domain-server-sequence".
struct Gtid {
  std::uint32_t domain{};
  std::uint32_t server{};
  std::uint64_t sequence{};

  friend bool operator==(const Gtid&, const Gtid&) noexcept = default;
};

/// The last transaction of each of MariaDB's GTID domains: "0-1-8,5-2-11".
class GtidSet {
 public:
  GtidSet() = default;
  explicit GtidSet(Gtid gtid) : last_{gtid} {}

  /// Empty when `text` is not exactly a list of GTIDs, at most one of each domain. "" is no list.
  [[nodiscard]] static std::optional<GtidSet> parse(std::string_view text);

  /// In the order of their domains.
  [[nodiscard]] const std::vector<Gtid>& last() const noexcept { return last_; }

  /// Less: the other one has all of this and more, as far as the numbers tell. Unordered where each
  /// has what the other has not, and where two servers have numbered a transaction alike. A server
  /// that has diverged and gone on has the higher number, and seems to have what it has lost.
  friend std::partial_ordering operator<=>(const GtidSet& a, const GtidSet& b) noexcept;
  friend bool operator==(const GtidSet&, const GtidSet&) noexcept = default;

 private:
  std::vector<Gtid> last_;
};

/// How far a history has come. A value.
struct Position {
  Epoch epoch{};
  std::variant<Lsn, GtidSet> place{};

  /// Positions of different epochs cannot be compared, nor those of different engines.
  friend std::partial_ordering operator<=>(const Position& a, const Position& b) noexcept;
  friend bool operator==(const Position&, const Position&) noexcept = default;
};

/// How many bytes of log there are from `here` to `there`, 0 where `there` is not later. Empty: the
/// two cannot be compared, or do not count bytes.
[[nodiscard]] std::optional<std::uint64_t> bytes_between(const Position& here,
                                                         const Position& there) noexcept;

/// The place in the engine's own words: "0/3018E90", "0-1-8,5-2-11".
[[nodiscard]] std::string to_string(const Position& position);

}  // namespace grant
