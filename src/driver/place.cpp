#include "place.hpp"

#include <fmt/format.h>

#include "grant/core/error.hpp"

namespace grant {

void refuse(Place place, std::string_view why) {
  const auto where = place.column.empty()
                         ? fmt::format("parameter ${}", place.index + 1)
                         : fmt::format("row {}, column \"{}\"", place.index + 1, place.column);
  throw_error(Errc::invalid_argument, fmt::format("{}: {}", where, why));
}

}  // namespace grant
