#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "grant/query/sql.hpp"

namespace grant {

/// Appends SQL for one engine and collects the values. What is written must outlive the SQL.
class SqlWriter {
 public:
  SqlWriter(Adapter adapter, const TableInfo& table) : adapter_(adapter), table_(table) {}

  [[nodiscard]] Adapter adapter() const noexcept { return adapter_; }

  SqlWriter& text(std::string_view part);
  SqlWriter& number(std::uint64_t number);

  /// Quoted.
  SqlWriter& name(std::string_view identifier);

  /// With the table's name. Errors: invalid_argument, for a column of another table.
  SqlWriter& column(const ColumnName& column);

  /// The same without the table's name.
  SqlWriter& of_table(const ColumnName& column);

  /// What the column holds, as far as the model knows. Errors: as column().
  [[nodiscard]] ValueKind kind_of(const ColumnName& column) const;

  // Placeholders, for values about the column that was named last.

  SqlWriter& value(ValueView view);
  SqlWriter& owned(Value value);
  SqlWriter& array(Params elements);
  SqlWriter& bind(const ColumnInfo& column, const void* record);

  /// One placeholder for the values that all `records` have in `column`, which is a `type` in the
  /// database; empty: not known.
  SqlWriter& bind_array(const ColumnInfo& column, std::span<void* const> records,
                        std::string_view type);

  /// `each` writes one item.
  template <class Items, class Each>
  SqlWriter& list(const Items& items, const Each& each) {
    bool first = true;
    for (const auto& item : items) {
      if (!std::exchange(first, false)) text(", ");
      each(item);
    }
    return *this;
  }

  /// Errors: invalid_argument, for more values than the engine takes.
  RenderedSql take();

 private:
  SqlWriter& placeholder();
  void refuse_another(const ColumnName& column) const;

  const Adapter adapter_;
  const TableInfo& table_;
  RenderedSql out_;
  ColumnName about_;  ///< The column that values are about; empty: none.
};

}  // namespace grant
