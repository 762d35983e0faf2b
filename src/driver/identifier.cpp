#include "identifier.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>

#include "grant/core/error.hpp"

namespace grant {
namespace {

[[noreturn]] void refuse_identifier(std::string_view name, std::string_view why) {
  throw_error(Errc::invalid_argument, fmt::format("the name \"{}\" {}", name, why));
}

}  // namespace

// PostgreSQL cuts longer names short, so that two tables become one.
void check_identifier(Adapter adapter, std::string_view name) {
  constexpr std::size_t postgres_bytes = 63;
  constexpr std::ptrdiff_t mariadb_characters = 64;
  if (name.empty()) throw_error(Errc::invalid_argument, "a table or column has an empty name");
  if (name.find('\0') != std::string_view::npos) {
    refuse_identifier(name.substr(0, name.find('\0')), "goes on behind a NUL character");
  }
  if (adapter == Adapter::postgres && name.size() > postgres_bytes) {
    refuse_identifier(name, fmt::format("has {} bytes: PostgreSQL's names have no more than {}",
                                        name.size(), postgres_bytes));
  }
  if (adapter == Adapter::mariadb && name.size() > mariadb_characters) {
    const auto characters = std::ranges::count_if(name, [](char c) { return (c & 0xC0) != 0x80; });
    if (characters > mariadb_characters) {
      refuse_identifier(name, fmt::format("has {} characters: MariaDB's names have no more than {}",
                                          characters, mariadb_characters));
    }
  }
}

}  // namespace grant
