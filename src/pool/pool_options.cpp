#include "grant/pool/pool_options.hpp"

#include <fmt/format.h>

#include "grant/core/error.hpp"
#include "option_fields.hpp"

namespace grant {

void PoolOptions::validate(std::string_view where) const {
  const auto refuse = [where](std::string_view rule, auto seen) {
    throw_error(Errc::configuration, fmt::format("{}: pool.{}, but it is {}", where, rule, seen));
  };
  if (max_size < 1) refuse("max_size must be at least 1", max_size);
  for (const auto& field : detail::kPoolOptionFields) {
    if (field.span == nullptr || (this->*field.span).count() >= 0) continue;
    refuse(fmt::format("{} must not be negative", field.key),
           fmt::format("{} ms", (this->*field.span).count()));
  }
}

}  // namespace grant
