#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace grant::postgres {

/// More iterations of SCRAM than this are not computed: they would take a core half a second, and
/// libpq takes any number, in one piece. Servers have 4096, unless they were told otherwise
/// (scram_iterations of PostgreSQL 16).
inline constexpr std::uint64_t kMostIterations = 1'000'000;

/// Reads what a server says before the login is done and before libpq does, as far as it is not
/// encrypted: libpq answers whatever it is asked. Source: the PostgreSQL manual, "Message Flow" and
/// "Message Formats".
class LoginScanner {
 public:
  enum class Finding : std::uint8_t {
    none,
    incomplete,      ///< More has to come before libpq may read it.
    clear_password,  ///< It asks for the password itself.
    costly,          ///< More than kMostIterations.
    unasked,  ///< More than the one byte that answers a request for TLS, or no message at all.
  };

  /// `bytes`: the answer to a request for TLS, or for another encryption.
  [[nodiscard]] static Finding scan_answer(std::string_view bytes) noexcept;

  /// `bytes`: those behind the ones that were scanned before.
  [[nodiscard]] Finding scan(std::string_view bytes) noexcept;

  /// For another connection.
  void reset() noexcept { rest_ = 0; }

 private:
  std::size_t rest_ = 0;  // of the last message, has not been there yet
};

}  // namespace grant::postgres
