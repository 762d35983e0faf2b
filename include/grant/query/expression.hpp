#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <type_traits>
#include <utility>
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

/// A condition on the columns of one model, so that no other model's query takes it.
template <class Model>
class ConditionOf : public Expression {
 public:
  explicit ConditionOf(Expression expression) noexcept : Expression(std::move(expression)) {}

  friend ConditionOf operator&&(ConditionOf a, ConditionOf b) {
    return ConditionOf(static_cast<Expression&&>(a) && static_cast<Expression&&>(b));
  }
  friend ConditionOf operator||(ConditionOf a, ConditionOf b) {
    return ConditionOf(static_cast<Expression&&>(a) || static_cast<Expression&&>(b));
  }
  friend ConditionOf operator!(ConditionOf a) { return ConditionOf(!static_cast<Expression&&>(a)); }
};

template <class A, class B>
void operator&&(const ConditionOf<A>&, const ConditionOf<B>&) {
  static_assert(std::is_same_v<A, B>, "grant: conditions on two models are joined");
}
template <class A, class B>
void operator||(const ConditionOf<A>&, const ConditionOf<B>&) {
  static_assert(std::is_same_v<A, B>, "grant: conditions on two models are joined");
}

/// One column of ORDER BY, of a model.
template <class Model>
struct OrderOf : Order {};

}  // namespace grant
