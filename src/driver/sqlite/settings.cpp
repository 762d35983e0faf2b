#include "settings.hpp"

#include <fmt/format.h>

#include <array>
#include <cstdint>
#include <string_view>
#include <utility>

#include "driver/url_params.hpp"
#include "grant/core/error.hpp"

namespace grant::sqlite {
namespace {

[[noreturn]] void refuse(std::string_view what) {
  throw_error(Errc::configuration, fmt::format("SQLite URL: {}", what));
}

enum class Mode : std::uint8_t { read_only, read_write, create };

constexpr std::array<std::pair<std::string_view, Mode>, 3> kModes{
    {{"ro", Mode::read_only}, {"rw", Mode::read_write}, {"rwc", Mode::create}}};

constexpr std::array<std::pair<std::string_view, std::string_view>, 3> kSynchronous{
    {{"off", "off"}, {"normal", "normal"}, {"full", "full"}}};

}  // namespace

Settings settings_from(ConnectOptions target) {
  auto& url = target.url;
  if (url.adapter != Adapter::sqlite) {
    refuse(fmt::format("its adapter is {}", to_string(url.adapter)));
  }
  if (!url.user.empty() || !url.password.empty() || !url.host.empty() || url.port != 0) {
    refuse("a file has no user, password, host or port");
  }
  if (url.database.empty()) refuse("the file name is missing");
  if (url.database.find('\0') != std::string::npos) refuse("a NUL character in the file name");

  Settings options;
  options.read_only = target.access == Effect::read;
  options.query_only = target.purpose == Purpose::reading;
  options.memory = std::move(target.memory);
  if (url.database != ":memory:") {
    // "./" keeps SQLite from taking a name such as "file:x" for a URI of its own.
    options.file = url.database.starts_with('/') ? url.database : "./" + url.database;
  }
  UrlParams params("SQLite", url);
  if (const auto mode = params.word<Mode>("mode", kModes)) {
    options.read_only = options.read_only || *mode == Mode::read_only;
    if (*mode != Mode::read_only) {
      options.missing = *mode == Mode::create ? Missing::create : Missing::fail;
    }
  }
  if (const auto number = params.number("busy_timeout", 3'600'000)) {
    options.busy_timeout = std::chrono::milliseconds(*number);
  }
  if (const auto word = params.word<std::string_view>("synchronous", kSynchronous)) {
    options.synchronous = *word;
  }
  options.statement_cache_size = params.statement_cache_size();
  options.max_result_size = params.max_result_size();
  params.refuse_unknown();
  if (options.in_memory() && options.read_only) {
    refuse("an in-memory database cannot be opened read-only: it would always be empty");
  }
  return options;
}

}  // namespace grant::sqlite
