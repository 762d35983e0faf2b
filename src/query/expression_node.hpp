#pragma once

#include <utility>
#include <variant>
#include <vector>

#include "grant/query/expression.hpp"

namespace grant {

struct Expression::Node {
  template <class Kind>
  explicit Node(Kind kind) : is(std::move(kind)) {}
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;
  /// Without recursion, however deep the conditions below are.
  ~Node();

  struct Compare {
    ColumnName column;
    Comparison comparison;
    Value value;
  };
  struct CompareColumns {
    ColumnName left;
    Comparison comparison;
    ColumnName right;
  };
  struct IsNull {
    ColumnName column;
    bool wanted;
  };
  struct In {
    ColumnName column;
    std::vector<Value> values;
  };
  struct And {
    Expression left;
    Expression right;
  };
  struct Or {
    Expression left;
    Expression right;
  };
  struct Not {
    Expression inner;
  };

  [[nodiscard]] bool is_inner() const noexcept {
    return std::holds_alternative<And>(is) || std::holds_alternative<Or>(is) ||
           std::holds_alternative<Not>(is);
  }

  std::variant<Compare, CompareColumns, IsNull, In, And, Or, Not> is;
};

}  // namespace grant
