#include "handles.hpp"

namespace grant::postgres {

grant::detail::LibraryGate& gate() noexcept {
  static auto& instance = *new grant::detail::LibraryGate;
  return instance;
}

}  // namespace grant::postgres
