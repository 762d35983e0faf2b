#include "grant/query/expression.hpp"

#include <fmt/format.h>

#include <utility>

#include "expression_node.hpp"
#include "grant/core/error.hpp"

namespace grant {
namespace {

template <class Kind>
std::shared_ptr<const Expression::Node> make_node(Kind kind) {
  return std::make_shared<const Expression::Node>(std::move(kind));
}

/// What a thread is about to let go of, while it lets go of a condition. A plain pointer, because
/// conditions may live until the very end of the process.
thread_local std::vector<Expression>* t_released = nullptr;

}  // namespace

Expression::Node::~Node() {
  std::vector<Expression> here;
  const bool outermost = t_released == nullptr;
  if (outermost) t_released = &here;
  const auto release = [](Expression& inner) {
    // Others end where they are: nothing is below them.
    if (inner.node_ && inner.node_->is_inner()) t_released->push_back(std::move(inner));
  };
  if (auto* const both = std::get_if<And>(&is)) {
    release(both->left);
    release(both->right);
  } else if (auto* const either = std::get_if<Or>(&is)) {
    release(either->left);
    release(either->right);
  } else if (auto* const opposite = std::get_if<Not>(&is)) {
    release(opposite->inner);
  }
  if (!outermost) return;
  while (!here.empty()) {
    const Expression next = std::move(here.back());
    here.pop_back();
  }
  t_released = nullptr;
}

Expression Expression::compare(ColumnName column, Comparison comparison, Value value) {
  if (value.view().is_null()) {
    if (comparison == Comparison::equal) return is_null(column, true);
    if (comparison == Comparison::not_equal) return is_null(column, false);
    throw_error(Errc::invalid_argument,
                fmt::format("column {}.{}: null is neither less nor more than a value",
                            column.table, column.column));
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
