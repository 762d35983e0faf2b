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
  std::optional<std::size_t> found;
  for (std::size_t i = 0; i < result_->column_count(); ++i) {
    if (result_->column_name(i) != column) continue;
    if (found) {
      throw_error(Errc::invalid_argument,
                  fmt::format("two columns are called \"{}\": ask for {} or {}, counted from 0, or "
                              "rename one with AS",
                              column, *found, i));
    }
    found = i;
  }
  if (found) return result_->cell(index_, *found);
  std::string there;
  for (std::size_t i = 0; i < result_->column_count(); ++i) {
    there += (i == 0 ? "" : ", ") + std::string(result_->column_name(i));
  }
  throw_error(Errc::invalid_argument,
              fmt::format("no column \"{}\": the result has {}", column, there));
}

Row Rows::at(std::size_t index) const {
  if (index >= size()) {
    throw_error(Errc::invalid_argument,
                fmt::format("no row {}: the result has {}, counted from 0", index, size()));
  }
  return Row(result_, index);
}

std::optional<Row> Rows::first() const {
  if (empty()) return std::nullopt;
  return Row(result_, 0);
}

}  // namespace grant
