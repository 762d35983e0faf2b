#include "refusals.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace grant::detail {
namespace {

std::string last_try(const ErrorInfo* failure) {
  return failure == nullptr ? "" : fmt::format("; the last try to open one: {}", failure->message);
}

}  // namespace

ErrorInfo Refusals::error(Errc code, std::string_view message) const {
  ErrorInfo info;
  info.code = code;
  info.node = node_;
  info.message = fmt::format("pool \"{}\"{}", node_, message);
  return info;
}

ErrorInfo Refusals::closed() const { return error(Errc::closed, " is closed"); }

ErrorInfo Refusals::cancelled(std::string_view doing) const {
  return error(Errc::cancelled, fmt::format(": {} for a connection was cancelled", doing));
}

ErrorInfo Refusals::unchecked(Duration limit) const {
  return error(Errc::unavailable,
               fmt::format(": an idle connection, checked before use, did not answer within {} ms",
                           in_ms(std::max(limit, Duration::zero()))));
}

ErrorInfo Refusals::unopened(Duration limit, const ErrorInfo* failure) const {
  return error(Errc::unavailable,
               fmt::format(": no connection{} could be opened within {} ms{}", suffix_of(purpose_),
                           in_ms(limit), last_try(failure)));
}

std::string Refusals::no_time(Duration limit, bool suspended, const ErrorInfo* failure) const {
  return fmt::format("no connection{} within {} ms{}{}", suffix_of(purpose_), in_ms(limit),
                     suspended ? ", as the pool is suspended" : "", last_try(failure));
}

ErrorInfo Refusals::timeout(std::string_view why, const PoolStats& seen,
                            std::size_t max_size) const {
  return error(Errc::pool_timeout,
               fmt::format(": {} ({} of {} leased, {} opening, {} waiting, the longest held for {} "
                           "ms)",
                           why, seen.leased, max_size, seen.opening, seen.waiting,
                           in_ms(seen.longest_held)));
}

Event Refusals::timeout_event(const PoolStats& seen) const {
  return {Severity::warning,
          "pool.timeout",
          {{"pool", node_},
           {"leased", static_cast<std::int64_t>(seen.leased)},
           {"waiting", static_cast<std::int64_t>(seen.waiting)}}};
}

ErrorInfo Refusals::trouble(std::string_view what) const {
  return error(Errc::unavailable, fmt::format(": {}", what));
}

}  // namespace grant::detail
