#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "driver/url_params.hpp"
#include "grant/driver/driver.hpp"

namespace grant::postgres {

/// ConnectOptions in libpq's terms.
struct Settings {
  std::string node{};
  std::string host_name{};  ///< To look up before connecting; empty: nothing to.
  std::vector<std::pair<std::string, std::string>> keywords{};
  std::size_t statement_cache_size{};
  std::chrono::milliseconds statement_lifetime{};  ///< 0: for ever.
  bool keeps_statements = true;  ///< On the server, by name, from one call to the next.
  std::optional<std::chrono::seconds>
      connect_timeout{};  ///< libpq's own works only when it blocks.
  std::chrono::milliseconds cancel_timeout{};
  std::uint64_t max_result_size{};  ///< Bytes; 0: any number.
  ClearPassword clear_password{};
};

/// Errors: configuration, naming the part of the URL that is wrong.
[[nodiscard]] Settings settings_from(const ConnectOptions& options);

/// The parameters that libpq takes. Asking it also looks the user up, under a lock of libpq's, so
/// it is asked once, before there are threads that a fork would leave in there.
[[nodiscard]] const std::vector<std::string>& keywords();

}  // namespace grant::postgres
