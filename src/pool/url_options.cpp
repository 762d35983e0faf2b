#include "url_options.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "grant/core/duration.hpp"
#include "grant/core/error.hpp"
#include "option_fields.hpp"

namespace grant::detail {
namespace {

using std::chrono::milliseconds;

/// A parameter of a URL, and where that stands.
struct Param {
  std::string_view where;
  std::string_view name;
  std::string_view text;

  [[noreturn]] void refuse(std::string_view rule) const {
    throw_error(
        Errc::configuration,
        fmt::format("{}: URL parameter {} must be {}, but it is \"{}\"", where, name, rule, text));
  }
};

void read(const Param& param, std::size_t& count) {
  const auto* const begin = param.text.data();
  const auto* const end = begin + param.text.size();
  const auto [stop, error] = std::from_chars(begin, end, count);
  if (error != std::errc() || stop != end) param.refuse("a whole number");
}

void read(const Param& param, milliseconds& span) {
  const auto parsed = parse_duration(param.text);
  if (!parsed) param.refuse("a duration such as 250ms, 5s or 2m");
  span = *parsed;
}

static_assert(std::ranges::none_of(kPoolOptionFields, &std::string_view::empty,
                                   &PoolOptionField::url_parameter),
              "each option of a pool is a parameter of URLs");

std::string written(std::size_t count) { return fmt::format("{}", count); }
std::string written(milliseconds span) { return fmt::format("{}ms", span.count()); }

}  // namespace

PoolOptions take_pool_options(PoolOptions pool, Url& url, std::string_view where) {
  for (const auto& field : kPoolOptionFields) {
    const auto text = url.take_param(field.url_parameter);
    if (!text) continue;
    const Param param{where, field.url_parameter, *text};
    std::visit([&](auto member) { read(param, pool.*member); }, field.member);
  }
  pool.validate(where);
  return pool;
}

Url with_pool_options(Url url, const PoolOptions& pool) {
  for (const auto& field : kPoolOptionFields) {
    url.params.emplace_back(
        field.url_parameter,
        std::visit([&](auto member) { return written(pool.*member); }, field.member));
  }
  return url;
}

}  // namespace grant::detail
