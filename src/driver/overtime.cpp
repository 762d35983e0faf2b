#include "driver/overtime.hpp"

#include <sys/ioctl.h>

namespace grant::driver {

std::int64_t arrived_at(int socket) noexcept {
  int arrived = 0;
  return ::ioctl(socket, FIONREAD, &arrived) == 0 ? arrived : 0;
}

}  // namespace grant::driver
