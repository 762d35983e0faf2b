#include "grant/driver/observation.hpp"

namespace grant {

std::string_view to_string(NodeKind kind) noexcept {
  switch (kind) {
    case NodeKind::unknown: return "unknown";
    case NodeKind::primary: return "primary";
    case NodeKind::replica: return "replica";
  }
  return "unknown";
}

}  // namespace grant
