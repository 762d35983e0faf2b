#pragma once

#include <libpq-fe.h>

#include <cstddef>
#include <cstdint>
#include <list>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace grant::postgres {

/// A statement that the server has parsed.
struct Prepared {
  std::string sql{};
  std::string name{};  ///< Empty: the server's unnamed statement, overwritten by the next one.
  std::vector<Oid> parameter_types{};
  int result_format{};  ///< 1, binary, unless a column has a type that only its text is known of.
};

/// The statements one connection has prepared, the least recently used going first.
class StatementCache {
 public:
  explicit StatementCache(std::size_t capacity) : capacity_(capacity) {}

  [[nodiscard]] std::size_t capacity() const noexcept { return capacity_; }
  [[nodiscard]] std::size_t size() const noexcept { return entries_.size(); }

  /// The statement for `sql`, now the most recently used one; null when there is none. Valid until
  /// the next insert() or erase().
  [[nodiscard]] Prepared* find(std::string_view sql);

  /// A name that no statement of this connection has had.
  [[nodiscard]] std::string next_name();

  /// Keeps `prepared`, whose SQL is not in the cache; others make room for it.
  Prepared* insert(Prepared prepared);

  void erase(std::string_view sql);

  /// Names that left the cache and are still known to the server.
  [[nodiscard]] std::vector<std::string>& discarded() noexcept { return discarded_; }

 private:
  void discard(std::list<Prepared>::iterator entry);

  std::size_t capacity_;
  std::uint64_t names_ = 0;
  std::list<Prepared> entries_;  // most recently used first
  std::unordered_map<std::string_view, std::list<Prepared>::iterator> by_sql_;  // keys: entries_
  std::vector<std::string> discarded_;
};

}  // namespace grant::postgres
