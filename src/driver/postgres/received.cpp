#include "received.hpp"

#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>

namespace grant::postgres {
namespace {

constexpr unsigned int kFew = 4;
constexpr int kAtOnce = 16 * 1024;  // libpq's buffer, unless a row is larger

/// Since the connection was made. Source: Linux, tcp(7) and linux/tcp.h, since 4.1.
std::optional<std::uint64_t> bytes_received(int socket) noexcept {
  tcp_info info{};
  socklen_t size = sizeof info;
  if (::getsockopt(socket, IPPROTO_TCP, TCP_INFO, &info, &size) != 0) return std::nullopt;
  return info.tcpi_bytes_received;
}

}  // namespace

void Received::note(int socket) noexcept {
  if (++reads_ <= kFew) return;
  if (const auto now = bytes_received(socket)) {
    if (!before_) before_ = now;
    bytes_ = *now - *before_;
    return;
  }
  // Large rows make libpq read more at once than this.
  int waiting = 0;
  if (::ioctl(socket, FIONREAD, &waiting) == 0) {
    bytes_ += static_cast<std::uint64_t>(std::min(waiting, kAtOnce));
  }
}

void Received::note_answer(std::size_t size) noexcept {
  if (!before_) bytes_ = std::max<std::uint64_t>(bytes_, size);
}

}  // namespace grant::postgres
