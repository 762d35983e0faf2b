#include "place.hpp"

#include <fmt/format.h>

#include <utility>

#include "grant/core/error.hpp"

namespace grant {

void refuse(Place place, std::string_view why) {
  ErrorInfo info;
  info.code = Errc::invalid_argument;
  if (place.column.empty()) {
    info.parameter = place.index + 1;
    info.message = fmt::format("parameter ${}: {}", info.parameter, why);
  } else {
    info.message = fmt::format("row {}, column \"{}\": {}", place.index + 1, place.column, why);
  }
  throw_error(std::move(info));
}

}  // namespace grant
