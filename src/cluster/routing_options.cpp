#include "grant/cluster/routing_options.hpp"

#include "option_fields.hpp"

namespace grant {

void RoutingOptions::validate(std::string_view where) const {
  detail::validate_fields(*this, detail::kRoutingOptionFields, where, "");
}

}  // namespace grant
