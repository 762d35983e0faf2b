#include "grant/driver/position.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <iterator>

namespace grant {
namespace {

std::optional<Gtid> parse_gtid(std::string_view text) {
  Gtid gtid;
  const char* at = text.data();
  const char* const end = at + text.size();
  const auto number = [&](auto& value) {
    const auto [next, error] = std::from_chars(at, end, value);
    if (error != std::errc()) return false;
    at = next;
    return true;
  };
  const auto dash = [&] { return at != end && *at++ == '-'; };
  const bool whole =
      number(gtid.domain) && dash() && number(gtid.server) && dash() && number(gtid.sequence);
  return whole && at == end ? std::optional(gtid) : std::nullopt;
}

/// Whether `a` has all that `b` has.
bool has_all(const GtidSet& a, const GtidSet& b) {
  return std::ranges::all_of(b.last(), [&a](const Gtid& wanted) {
    const auto found = std::ranges::find(a.last(), wanted.domain, &Gtid::domain);
    return found != a.last().end() && (found->sequence > wanted.sequence || *found == wanted);
  });
}

}  // namespace

std::optional<GtidSet> GtidSet::parse(std::string_view text) {
  GtidSet set;
  while (true) {
    const auto comma = text.find(',');
    const auto gtid = parse_gtid(text.substr(0, comma));
    if (!gtid) return std::nullopt;
    set.last_.push_back(*gtid);
    if (comma == std::string_view::npos) break;
    text.remove_prefix(comma + 1);
    // MariaDB writes the list of several domains with a line's end after each comma.
    while (text.starts_with('\n') || text.starts_with(' ')) text.remove_prefix(1);
  }
  std::ranges::sort(set.last_, {}, &Gtid::domain);
  const auto twice = std::ranges::adjacent_find(set.last_, {}, &Gtid::domain);
  return twice == set.last_.end() ? std::optional(std::move(set)) : std::nullopt;
}

std::partial_ordering operator<=>(const GtidSet& a, const GtidSet& b) noexcept {
  const bool a_has = has_all(a, b);
  const bool b_has = has_all(b, a);
  if (a_has && b_has) return std::partial_ordering::equivalent;
  if (a_has) return std::partial_ordering::greater;
  return b_has ? std::partial_ordering::less : std::partial_ordering::unordered;
}

std::partial_ordering operator<=>(const Position& a, const Position& b) noexcept {
  if (a.epoch != b.epoch || a.place.index() != b.place.index()) {
    return std::partial_ordering::unordered;
  }
  if (const auto* const lsn = std::get_if<Lsn>(&a.place)) return *lsn <=> std::get<Lsn>(b.place);
  return std::get<GtidSet>(a.place) <=> std::get<GtidSet>(b.place);
}

std::optional<std::uint64_t> bytes_between(const Position& here, const Position& there) noexcept {
  const auto* const from = std::get_if<Lsn>(&here.place);
  const auto* const to = std::get_if<Lsn>(&there.place);
  if (from == nullptr || to == nullptr || here.epoch != there.epoch) return std::nullopt;
  return to->bytes - std::min(from->bytes, to->bytes);
}

std::string to_string(const Position& position) {
  if (const auto* const lsn = std::get_if<Lsn>(&position.place)) {
    return fmt::format("{:X}/{:X}", lsn->bytes >> 32U, lsn->bytes & std::uint64_t{0xFFFFFFFF});
  }
  std::string text;
  for (const auto& gtid : std::get<GtidSet>(position.place).last()) {
    if (!text.empty()) text += ',';
    fmt::format_to(std::back_inserter(text), "{}-{}-{}", gtid.domain, gtid.server, gtid.sequence);
  }
  return text;
}

}  // namespace grant
