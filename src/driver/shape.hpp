#pragma once

#include <cstddef>
#include <string_view>

namespace grant::driver {

/// Refuses an answer to one of Grant's own questions that has other rows or columns than that has.
/// A server, or what stands before it, may answer anything. Errors: unavailable.
void check_shape(std::size_t rows, std::size_t columns, std::string_view node,
                 std::size_t expected_rows, std::size_t expected_columns);

}  // namespace grant::driver
