#pragma once

#include <variant>
#include <vector>

#include "grant/query/expression.hpp"

namespace grant {

struct Expression::Node {
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

  std::variant<Compare, CompareColumns, IsNull, In, And, Or, Not> is;
};

}  // namespace grant
