#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "driver/turns.hpp"
#include "driver/url_params.hpp"
#include "grant/driver/driver.hpp"
#include "grant/io/resolver.hpp"

namespace grant::mariadb {

enum class TlsMode : std::uint8_t { disabled, preferred, required, verify_ca, verify_full };

/// ConnectOptions in libmariadb's terms.
struct Settings {
  std::string node{};
  std::string host{};
  std::string socket{};  ///< The unix socket's file; empty: TCP.
  unsigned int port{};
  std::string user{};
  std::string password{};
  std::string database{};
  TlsMode tls = TlsMode::preferred;
  std::string tls_authority{};
  std::string tls_certificate{};
  std::string tls_key{};
  ClearPassword clear_password{};
  std::size_t statement_cache_size{};
  std::chrono::milliseconds statement_lifetime{};  ///< 0: for ever.
  std::optional<std::chrono::seconds> connect_timeout{};
  std::chrono::milliseconds cancel_timeout{};  ///< 0: a deadline closes the connection at once.
  std::uint64_t max_result_size{};             ///< Bytes; 0: any number.
};

/// Whether the server may have plugins that reveal the password.
[[nodiscard]] inline bool may_reveal_password(const Settings& settings) noexcept {
  switch (settings.clear_password) {
    case ClearPassword::verified: return settings.tls >= TlsMode::verify_ca;
    case ClearPassword::encrypted: return settings.tls >= TlsMode::required;
    case ClearPassword::always: return true;
  }
  return false;
}

/// Where a connection goes, and its canceller after it.
struct Target {
  Settings settings{};
  io::Resolver resolver{};

  /// Those at its server.
  [[nodiscard]] std::shared_ptr<driver::Turns> turns() const;
};

/// Errors: configuration, naming the part of the URL that is wrong.
[[nodiscard]] Settings settings_from(const ConnectOptions& options);

}  // namespace grant::mariadb
