#include "grant/cluster/health_check_options.hpp"

#include "option_fields.hpp"

namespace grant {

void HealthCheckOptions::validate(std::string_view where) const {
  detail::validate_fields(*this, detail::kHealthCheckOptionFields, where, "health_check.");
}

}  // namespace grant
