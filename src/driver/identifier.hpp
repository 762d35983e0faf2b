#pragma once

#include <string_view>

#include "grant/driver/adapter.hpp"

namespace grant {

/// Errors: invalid_argument, for a name of a table, schema or column that the engine would cut
/// short or not take.
void check_identifier(Adapter adapter, std::string_view name);

}  // namespace grant
