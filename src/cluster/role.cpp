#include "grant/cluster/role.hpp"

namespace grant {

std::string_view to_string(Role role) noexcept {
  return role == Role::writing ? "writing" : "reading";
}

}  // namespace grant
