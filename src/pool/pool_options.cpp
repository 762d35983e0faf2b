#include "grant/pool/pool_options.hpp"

#include <fmt/format.h>

#include "grant/core/error.hpp"

namespace grant {

void PoolOptions::validate(std::string_view where) const {
  const auto refuse = [where](std::string_view rule, auto seen) {
    throw_error(Errc::configuration, fmt::format("{}: pool.{}, but it is {}", where, rule, seen));
  };
  if (max_size < 1) refuse("max_size must be at least 1", max_size);
  if (checkout_timeout.count() < 0) {
    refuse("checkout_timeout must not be negative", fmt::format("{} ms", checkout_timeout.count()));
  }
  if (retry_delay.count() < 0) {
    refuse("retry_delay must not be negative", fmt::format("{} ms", retry_delay.count()));
  }
}

}  // namespace grant
