#include "grant/pool/pool_options.hpp"

#include "option_fields.hpp"

namespace grant {

void PoolOptions::validate(std::string_view where) const {
  detail::validate_fields(*this, detail::kPoolOptionFields, where, "pool.");
}

}  // namespace grant
