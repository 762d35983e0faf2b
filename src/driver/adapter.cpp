#include "grant/driver/adapter.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "core/described.hpp"
#include "core/nearest.hpp"
#include "grant/core/error.hpp"

namespace grant {

std::string_view to_string(Adapter adapter) noexcept {
  switch (adapter) {
    case Adapter::postgres: return "postgres";
    case Adapter::mariadb: return "mariadb";
    case Adapter::sqlite: return "sqlite";
  }
  return "unknown";
}

Adapter adapter_named(std::string_view name) {
  static constexpr std::array<std::pair<std::string_view, Adapter>, 6> names{
      {{"postgres", Adapter::postgres},
       {"postgresql", Adapter::postgres},
       {"mariadb", Adapter::mariadb},
       {"mysql", Adapter::mariadb},
       {"sqlite", Adapter::sqlite},
       {"sqlite3", Adapter::sqlite}}};
  const auto lower = in_lower_case(name);
  const auto known = std::ranges::find(names, lower, &std::pair<std::string_view, Adapter>::first);
  if (known != names.end()) return known->second;
  std::array<std::string_view, names.size()> all;
  std::ranges::transform(names, all.begin(), &std::pair<std::string_view, Adapter>::first);
  const auto meant = nearest(name, all);
  throw_error(
      Errc::configuration,
      fmt::format("unknown adapter, {}: {}", described(name),
                  meant.empty() ? std::string("there are postgres, mariadb and sqlite")
                                : fmt::format("did you mean \"{}\"? There are postgres, mariadb "
                                              "and sqlite",
                                              meant)));
}

}  // namespace grant
