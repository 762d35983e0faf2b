#include "grant/query/operand.hpp"

#include <fmt/format.h>

#include "grant/core/error.hpp"

namespace grant::detail {
namespace {

std::string name_of(const ValuePlace& place) {
  if (place.placeholder != 0) return fmt::format("parameter ${}", place.placeholder);
  return fmt::format("column {}.{}", place.column.table, place.column.column);
}

}  // namespace

void refuse_value(const ValuePlace& place, std::string_view why) {
  throw_error(Errc::invalid_argument, fmt::format("{}: {}", name_of(place), why));
}

void refuse_value(const ValuePlace& place, const Error& error) {
  auto info = error.info();
  info.message = fmt::format("{}: {}", name_of(place), info.message);
  throw_error(std::move(info));
}

void refuse_row_number(std::string_view what) {
  throw_error(Errc::invalid_argument, fmt::format("{}() takes 0 to {} rows", what,
                                                  std::numeric_limits<std::int64_t>::max()));
}

}  // namespace grant::detail
