#include "grant/query/expression.hpp"

#include <utility>

#include "expression_node.hpp"

namespace grant {
namespace {

template <class Kind>
std::shared_ptr<const Expression::Node> make_node(Kind kind) {
  return std::make_shared<const Expression::Node>(Expression::Node{std::move(kind)});
}

}  // namespace

Expression Expression::compare(ColumnName column, Comparison comparison, Value value) {
  if (value.view().is_null()) {
    if (comparison == Comparison::equal) return is_null(column, true);
    if (comparison == Comparison::not_equal) return is_null(column, false);
  }
  return Expression(make_node(Node::Compare{column, comparison, std::move(value)}));
}

Expression Expression::compare_columns(ColumnName left, Comparison comparison, ColumnName right) {
  return Expression(make_node(Node::CompareColumns{left, comparison, right}));
}

Expression Expression::is_null(ColumnName column, bool wanted) {
  return Expression(make_node(Node::IsNull{column, wanted}));
}

Expression Expression::in(ColumnName column, std::vector<Value> values) {
  return Expression(make_node(Node::In{column, std::move(values)}));
}

Expression operator&&(Expression a, Expression b) {
  return Expression(make_node(Expression::Node::And{std::move(a), std::move(b)}));
}

Expression operator||(Expression a, Expression b) {
  return Expression(make_node(Expression::Node::Or{std::move(a), std::move(b)}));
}

Expression operator!(Expression a) {
  return Expression(make_node(Expression::Node::Not{std::move(a)}));
}

}  // namespace grant
