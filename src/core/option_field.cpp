#include "core/option_field.hpp"

#include <utility>

namespace grant::detail {

std::string broken_rule(std::size_t value, std::int64_t least) {
  if (std::cmp_greater_equal(value, least)) return {};
  return fmt::format("must be at least {}, but it is {}", least, value);
}

std::string broken_rule(std::chrono::milliseconds value, std::int64_t least) {
  if (value.count() >= least) return {};
  return fmt::format("must {}, but it is {} ms",
                     least > 0 ? "be more than zero" : "not be negative", value.count());
}

std::string broken_rule(std::optional<std::chrono::milliseconds> value, std::int64_t least) {
  return value ? broken_rule(*value, least) : std::string();
}

}  // namespace grant::detail
