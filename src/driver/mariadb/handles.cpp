#include "handles.hpp"

namespace grant::mariadb {

grant::detail::LibraryGate& gate() noexcept {
  static auto& instance = *new grant::detail::LibraryGate;
  return instance;
}

}  // namespace grant::mariadb
