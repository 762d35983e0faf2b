#include "driver/sqlite/options.hpp"

#include <fmt/format.h>

#include <charconv>
#include <cstdint>
#include <string_view>
#include <utility>

#include "grant/core/error.hpp"

namespace grant::sqlite {
namespace {

[[noreturn]] void refuse(std::string_view what) {
  throw_error(Errc::configuration, fmt::format("SQLite URL: {}", what));
}

std::uint32_t parse_number(std::string_view name, std::string_view text, std::uint32_t most) {
  std::uint32_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || number > most) {
    refuse(fmt::format("{} is \"{}\": it takes a number from 0 to {}", name, text, most));
  }
  return number;
}

void apply_mode(std::string_view mode, Options& options) {
  if (mode == "ro") {
    options.read_only = true;
  } else if (mode == "rw") {
    options.missing = Missing::fail;
  } else if (mode == "rwc") {
    options.missing = Missing::create;
  } else {
    refuse(fmt::format("mode is \"{}\": it takes ro, rw or rwc", mode));
  }
}

}  // namespace

Options parse_options(ConnectOptions target) {
  auto& url = target.url;
  if (url.adapter != Adapter::sqlite) {
    refuse(fmt::format("its adapter is {}", to_string(url.adapter)));
  }
  if (!url.user.empty() || !url.password.empty() || !url.host.empty() || url.port != 0) {
    refuse("a file has no user, password, host or port");
  }
  if (url.database.empty()) refuse("the file name is missing");
  if (url.database.find('\0') != std::string::npos) refuse("a NUL character in the file name");

  Options options;
  options.read_only = target.access == Effect::read;
  options.query_only = target.purpose == Purpose::reading;
  options.memory = std::move(target.memory);
  if (url.database != ":memory:") {
    // "./" keeps SQLite from taking a name such as "file:x" for a URI of its own.
    options.file = url.database.starts_with('/') ? url.database : "./" + url.database;
  }
  if (const auto mode = url.take_param("mode")) apply_mode(*mode, options);
  if (const auto text = url.take_param("busy_timeout")) {
    options.busy_timeout =
        std::chrono::milliseconds(parse_number("busy_timeout", *text, 3'600'000));
  }
  if (auto text = url.take_param("synchronous")) {
    if (*text != "off" && *text != "normal" && *text != "full") {
      refuse(fmt::format("synchronous is \"{}\": it takes off, normal or full", *text));
    }
    options.synchronous = *std::move(text);
  }
  if (const auto text = url.take_param("statement_cache_size")) {
    options.statement_cache_size = parse_number("statement_cache_size", *text, 100'000);
  }
  if (!url.params.empty()) {
    refuse(
        fmt::format("unknown parameter \"{}\": there are mode, busy_timeout, synchronous and "
                    "statement_cache_size",
                    url.params.front().first));
  }
  if (options.in_memory() && options.read_only) {
    refuse("an in-memory database cannot be opened read-only: it would always be empty");
  }
  return options;
}

}  // namespace grant::sqlite
