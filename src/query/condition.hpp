#pragma once

#include "grant/query/expression.hpp"
#include "sql_writer.hpp"

namespace grant {

/// Writes a condition as the engine has to be asked for it. `expression` must outlive the SQL.
/// Errors: invalid_argument, for one that nests deeper than the engine takes, has too many parts,
/// or compares what the engine cannot compare.
void write_condition(SqlWriter& out, const Expression& expression);

/// Writes that a column has this value. Errors: as write_condition().
void write_equal(SqlWriter& out, const ColumnName& column, ValueView value);

}  // namespace grant
