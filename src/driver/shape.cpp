#include "shape.hpp"

#include <fmt/format.h>

#include "failures.hpp"
#include "grant/core/error.hpp"

namespace grant::driver {

void check_shape(std::size_t rows, std::size_t columns, std::string_view node,
                 std::size_t expected_rows, std::size_t expected_columns) {
  if (rows == expected_rows && columns == expected_columns) return;
  throw_error(failures::at(
      node, Errc::unavailable,
      fmt::format("the server's answer to a question of Grant's own has {} rows of {} columns, and "
                  "not {} of {}: it is not the server that it says it is, or something stands "
                  "before it",
                  rows, columns, expected_rows, expected_columns)));
}

}  // namespace grant::driver
