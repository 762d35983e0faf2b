#include "url_options.hpp"

#include <fmt/format.h>

#include <charconv>

#include "grant/core/duration.hpp"
#include "grant/core/error.hpp"
#include "pool/option_fields.hpp"

namespace grant::detail {
namespace {

using std::chrono::milliseconds;

[[noreturn]] void refuse(std::string_view where, std::string_view parameter, std::string_view rule,
                         std::string_view text) {
  throw_error(Errc::configuration, fmt::format("{}: URL parameter {} must be {}, but it is \"{}\"",
                                               where, parameter, rule, text));
}

std::size_t count_param(std::string_view where, std::string_view name, std::string_view text) {
  std::size_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) {
    refuse(where, name, "a whole number", text);
  }
  return number;
}

milliseconds duration_param(std::string_view where, std::string_view name, std::string_view text) {
  const auto duration = parse_duration(text);
  if (!duration) refuse(where, name, "a duration such as 250ms, 5s or 2m", text);
  return *duration;
}

}  // namespace

PoolOptions take_pool_options(PoolOptions pool, Url& url, std::string_view where) {
  for (const auto& field : detail::kPoolOptionFields) {
    const auto text = url.take_param(field.url_parameter);
    if (!text) continue;
    if (field.count != nullptr) {
      pool.*field.count = count_param(where, field.url_parameter, *text);
    } else {
      pool.*field.span = duration_param(where, field.url_parameter, *text);
    }
  }
  pool.validate(where);
  return pool;
}

}  // namespace grant::detail
