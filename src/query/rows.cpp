#include "grant/query/rows.hpp"

#include <fmt/format.h>

#include "grant/core/error.hpp"

namespace grant {

ValueView Row::cell(std::size_t column) const {
  if (column >= result_->column_count()) {
    throw_error(Errc::invalid_argument,
                fmt::format("no column {}: the result has {}, counted from 0", column,
                            result_->column_count()));
  }
  return result_->cell(index_, column);
}

ValueView Row::cell(std::string_view column) const {
  std::string there;
  for (std::size_t i = 0; i < result_->column_count(); ++i) {
    if (result_->column_name(i) == column) return result_->cell(index_, i);
    there += (i == 0 ? "" : ", ") + std::string(result_->column_name(i));
  }
  throw_error(Errc::invalid_argument,
              fmt::format("no column \"{}\": the result has {}", column, there));
}

}  // namespace grant
