#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>

#include "grant/driver/driver.hpp"

namespace grant::sqlite {

/// What to do about a file that is not there.
enum class Missing : std::uint8_t {
  create_once,  ///< Create it, unless this process has had it open: then it was taken away.
  create,
  fail,
};

/// A connection's settings, taken out of its URL.
struct Settings {
  std::string file{};    ///< Absolute, or relative to the working directory; empty: in memory.
  std::string memory{};  ///< See ConnectOptions::memory.
  bool read_only = false;
  bool query_only = false;  ///< Unlike read_only, it may create the file and recover its log.
  Missing missing = Missing::create_once;
  std::chrono::milliseconds busy_timeout{5'000};
  std::string synchronous = "normal";
  std::size_t statement_cache_size = 256;
  std::uint64_t max_result_size{};  ///< Bytes; 0: any number.

  [[nodiscard]] bool in_memory() const noexcept { return file.empty(); }
};

/// Errors: configuration, naming the part of the URL that is wrong.
[[nodiscard]] Settings settings_from(ConnectOptions target);

}  // namespace grant::sqlite
