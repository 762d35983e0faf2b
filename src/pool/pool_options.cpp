#include "grant/pool/pool_options.hpp"

#include <fmt/format.h>

#include "grant/core/error.hpp"

namespace grant {

void PoolOptions::validate(std::string_view where) const {
  const auto refuse = [where](std::string_view rule, auto seen) {
    throw_error(Errc::configuration, fmt::format("{}: pool.{}, but it is {}", where, rule, seen));
  };
  if (max_size < 1) refuse("max_size must be at least 1", max_size);
  const auto not_negative = [&refuse](std::string_view field, std::chrono::milliseconds span) {
    if (span.count() < 0) {
      refuse(fmt::format("{} must not be negative", field), fmt::format("{} ms", span.count()));
    }
  };
  not_negative("checkout_timeout", checkout_timeout);
  not_negative("retry_delay", retry_delay);
  not_negative("idle_timeout", idle_timeout);
  not_negative("max_lifetime", max_lifetime);
  not_negative("keepalive", keepalive);
  not_negative("verify_idle", verify_idle);
  not_negative("leak_threshold", leak_threshold);
}

}  // namespace grant
