#pragma once

#include <chrono>
#include <cstdint>

namespace grant::driver {

/// Asking a socket whether its server has hung up costs a system call: not for a connection in
/// steady use, but for one that was idle for longer than this.
inline constexpr auto kIdleCheckAfter = std::chrono::milliseconds(20);

/// Whether there is something to read on `socket`, or its end. Does not block.
[[nodiscard]] bool has_input(int socket) noexcept;

/// The bytes that wait on `socket`; 0 where it does not say.
[[nodiscard]] std::int64_t arrived_at(int socket) noexcept;

/// In a forked child, whose parent has the session: lets `socket` stand for nothing, so that a
/// client library that closes its connection says goodbye to nobody. False: it could not.
[[nodiscard]] bool point_nowhere(int socket) noexcept;

}  // namespace grant::driver
