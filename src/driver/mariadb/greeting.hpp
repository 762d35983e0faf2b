#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace grant::mariadb {

/// More than any server's greeting has, with a version and a plugin of unlikely lengths.
inline constexpr std::size_t kLongestGreeting = 1024;

/// What the first bytes from a server say, before anything was sent to it.
struct Greeting {
  enum class State : std::uint8_t {
    incomplete,  ///< More has to come.
    refusal,     ///< An error in place of a greeting: too many connections, a blocked host.
    foreign,     ///< Nothing that a MariaDB server says.
    whole,
  };

  State state = State::incomplete;
  bool offers_tls = false;
};

/// Reads `bytes`, the first that a server has sent. Source: the MariaDB manual, Connection,
/// "Initial Handshake Packet". Pure.
[[nodiscard]] Greeting parse_greeting(std::string_view bytes) noexcept;

}  // namespace grant::mariadb
