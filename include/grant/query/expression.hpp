#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "grant/core/value.hpp"

namespace grant {

/// A column by name. The views must live as long as the process: string literals.
struct ColumnName {
  std::string_view table;
  std::string_view column;
};

enum class Comparison : std::uint8_t {
  equal,
  not_equal,
  less,
  less_or_equal,
  greater,
  greater_or_equal,
  like,
};

/// A condition on columns. Immutable; cheap to copy. Made by comparing fields:
///
///     grant::field<&User::name> == "Ada" && !(grant::field<&User::id> > 10)
class Expression {
 public:
  struct Node;

  /// A null value makes `equal` and `not_equal` tests for null.
  [[nodiscard]] static Expression compare(ColumnName column, Comparison comparison, Value value);
  [[nodiscard]] static Expression compare_columns(ColumnName left, Comparison comparison,
                                                  ColumnName right);
  [[nodiscard]] static Expression is_null(ColumnName column, bool wanted);
  /// No values: never true.
  [[nodiscard]] static Expression in(ColumnName column, std::vector<Value> values);

  friend Expression operator&&(Expression a, Expression b);
  friend Expression operator||(Expression a, Expression b);
  friend Expression operator!(Expression a);

  [[nodiscard]] const Node& node() const noexcept { return *node_; }

 private:
  explicit Expression(std::shared_ptr<const Node> node) noexcept : node_(std::move(node)) {}

  std::shared_ptr<const Node> node_;
};

/// One column of ORDER BY.
struct Order {
  ColumnName column{};
  bool descending = false;
};

}  // namespace grant
