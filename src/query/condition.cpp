#include "condition.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <utility>

#include "expression_node.hpp"
#include "grant/core/decimal.hpp"
#include "grant/core/error.hpp"
#include "grant/query/dialect.hpp"
#include "text_forms.hpp"

namespace grant {
namespace {

using dialect::Comparing;

std::string_view symbol(Comparison comparison) {
  switch (comparison) {
    case Comparison::equal: return " = ";
    case Comparison::not_equal: return " <> ";
    case Comparison::less: return " < ";
    case Comparison::less_or_equal: return " <= ";
    case Comparison::greater: return " > ";
    case Comparison::greater_or_equal: return " >= ";
    case Comparison::like: return " LIKE ";
  }
  return " = ";
}

/// What makes one text of all forms that a value of this kind has; none where there is one form.
std::string_view function_for(Comparing how) noexcept {
  switch (how) {
    case Comparing::as_timestamps: return "grant_timestamp";
    case Comparing::as_decimals: return "grant_decimal";
    case Comparing::as_times: return "grant_time";
    case Comparing::as_uuids: return "grant_uuid";
    default: return {};
  }
}

Value text_value(std::string_view text) { return Value(ValueView::text(text)); }

class ConditionWriter {
 public:
  using Node = Expression::Node;

  explicit ConditionWriter(SqlWriter& out) noexcept : out_(out) {}

  void write(const Node& node) { term({&node, false}); }

  void compare(const ColumnName& column, Comparison comparison, ValueView value) {
    const bool like = comparison == Comparison::like;
    switch (like ? Comparing::as_the_type : dialect::comparing(out_.adapter(), value.kind())) {
      case Comparing::as_the_type: out_.column(column).text(symbol(comparison)).value(value); break;
      case Comparing::as_timestamps: timestamps(column, comparison, {&value, 1}); break;
      case Comparing::as_times: time(column, comparison, value); break;
      case Comparing::as_decimals:
      case Comparing::as_uuids:
        if (comparison != Comparison::equal && comparison != Comparison::not_equal) {
          dialect::check_order(out_.adapter(), value.kind(), column);
          out_.column(column).text(symbol(comparison)).value(value);
          break;
        }
        if (comparison == Comparison::not_equal) out_.text("NOT ");
        equal_one_of(column, {&value, 1});
        break;
      case Comparing::not_at_all: dialect::refuse_comparison(out_.adapter(), value.kind(), column);
    }
  }

 private:
  /// In parentheses, whether the column has one of these values, all of one kind.
  void equal_one_of(const ColumnName& column, std::span<const ValueView> values) {
    switch (dialect::comparing(out_.adapter(), values[0].kind())) {
      case Comparing::as_the_type: listed(column, values); break;
      case Comparing::as_timestamps: timestamps(column, Comparison::equal, values); break;
      case Comparing::as_decimals: decimals(column, values); break;
      case Comparing::as_times:
        forms(column, values, [](ValueView each) { return text_forms::forms_of(each.as_time()); });
        break;
      case Comparing::as_uuids:
        forms(column, values, [](ValueView each) { return text_forms::forms_of(each.as_uuid()); });
        break;
      case Comparing::not_at_all:
        dialect::refuse_comparison(out_.adapter(), values[0].kind(), column);
    }
  }

  void listed(const ColumnName& column, std::span<const ValueView> values) {
    out_.column(column).text(" IN (");
    out_.list(values, [this](ValueView each) { out_.value(each); }).text(")");
  }

  template <class FormsOf>
  void forms(const ColumnName& column, std::span<const ValueView> values, const FormsOf& of) {
    out_.text("(").column(column).text(" IN (");
    out_.list(values, [&](ValueView each) {
      out_.list(of(each), [this](const Value& form) { out_.owned(form); });
    });
    out_.text("))");
  }

  /// All forms of a time stand together, between the shortest and what follows the longest.
  void time(const ColumnName& column, Comparison comparison, ValueView value) {
    using enum Comparison;
    const auto forms = text_forms::forms_of(value.as_time());
    const auto from = [&](std::string_view symbol) {
      out_.column(column).text(symbol).owned(forms.front());
    };
    const auto past = [&](std::string_view symbol) {
      const auto end = std::string(forms.back().view().as_characters()) + ':';
      out_.column(column).text(symbol).owned(text_value(end));
    };
    switch (comparison) {
      case less: from(" < "); break;
      case greater_or_equal: from(" >= "); break;
      case less_or_equal: past(" < "); break;
      case greater: past(" >= "); break;
      default:
        out_.text(comparison == not_equal ? "NOT (" : "(");
        from(" >= ");
        out_.text(" AND ");
        past(" < ");
        out_.text(")");
    }
  }

  void as_written(Comparing how, const ColumnName& column) {
    out_.text(function_for(how)).text("(").column(column).text(")");
  }

  /// The bounds are what an index is searched for; the function tells which of the rows between
  /// them it is.
  void timestamps(const ColumnName& column, Comparison comparison,
                  std::span<const ValueView> values) {
    using enum Comparison;
    const auto [least, most] = std::ranges::minmax(values, {}, &ValueView::as_timestamp);
    out_.text("(");
    const auto at_least = text_forms::bounds_of(least.as_timestamp()).at_least;
    const bool from =
        comparison == equal || comparison == greater || comparison == greater_or_equal;
    if (from && !at_least.empty()) {
      out_.column(column).text(" >= ").owned(text_value(at_least)).text(" AND ");
    }
    const auto below = text_forms::bounds_of(most.as_timestamp()).below;
    const bool to = comparison == equal || comparison == less || comparison == less_or_equal;
    if (to && !below.empty()) {
      out_.column(column).text(" < ").owned(text_value(below)).text(" AND ");
    }
    as_written(Comparing::as_timestamps, column);
    if (values.size() == 1) {
      out_.text(symbol(comparison)).value(values[0]);
    } else {
      out_.text(" IN (").list(values, [this](ValueView each) { out_.value(each); }).text(")");
    }
    out_.text(")");
  }

  /// Numbers and text that Grant has written are found as they are; text of others' between the
  /// bounds, whatever zeros it has at its end.
  void decimals(const ColumnName& column, std::span<const ValueView> values) {
    std::vector<std::string> canonical;
    for (const auto& each : values) canonical.push_back(Decimal(each.as_characters()).canonical());
    const auto [least, most] = std::ranges::minmax(canonical);
    const auto is_one_of_them = [&] {
      out_.text(" IN (");
      out_.list(canonical, [this](const std::string& each) { out_.owned(text_value(each)); });
      out_.text(")");
    };
    out_.text("(").column(column);
    is_one_of_them();
    out_.text(" OR (").column(column).text(" > ").owned(text_value(least));
    out_.text(" AND ").column(column).text(" < ");
    out_.owned(text_value(text_forms::end_of_zeros(most))).text(" AND ");
    as_written(Comparing::as_decimals, column);
    is_one_of_them();
    out_.text("))");
  }

  void write(const Node::Compare& node) {
    compare(node.column, node.comparison, node.value.view());
  }
  void write(const Node::CompareColumns& node) {
    using enum Comparison;
    const auto kind = out_.kind_of(node.left);
    const bool equality = node.comparison == equal || node.comparison == not_equal;
    const auto how = dialect::comparing(out_.adapter(), kind);
    if (!equality) dialect::check_order(out_.adapter(), kind, node.left);
    if (how == Comparing::not_at_all) dialect::refuse_comparison(out_.adapter(), kind, node.left);
    if (!function_for(how).empty()) {
      as_written(how, node.left);
      out_.text(symbol(node.comparison));
      as_written(how, node.right);
      return;
    }
    out_.column(node.left).text(symbol(node.comparison)).column(node.right);
  }
  void write(const Node::IsNull& node) {
    out_.column(node.column).text(node.wanted ? " IS NULL" : " IS NOT NULL");
  }
  void write(const Node::In& node) {
    std::vector<ValueView> values;
    bool with_null = false;
    for (const Value& each : node.values) {
      if (each.view().is_null()) {
        with_null = true;
      } else {
        values.push_back(each.view());
      }
    }
    if (with_null) out_.text("(");
    if (values.empty()) {
      out_.text("1 = 0");
    } else if (out_.adapter() == Adapter::postgres && values.size() > kMostListed) {
      // One placeholder for any number of values, whose type the server takes from the column.
      Params elements;
      for (const auto& each : values) elements.add(each);
      out_.column(node.column).text(" = ANY(").array(std::move(elements)).text(")");
    } else {
      equal_one_of(node.column, values);
    }
    // Whether a null is the same nobody knows, in SQL.
    if (with_null) out_.text(" OR NULL)");
  }
  void write(const Node::And& node) { chain<Node::And>(node, " AND "); }
  void write(const Node::Or& node) { chain<Node::Or>(node, " OR "); }
  void write(const Node::Not& node) { term({&node.inner.node(), true}); }

  /// A condition, or its opposite.
  struct Term {
    const Node* node;
    bool negated;
  };

  /// The same, without a `!` at its head: two of them are none.
  static Term plain(Term term) {
    while (const auto* const opposite = std::get_if<Node::Not>(&term.node->is)) {
      term = {&opposite->inner.node(), !term.negated};
    }
    return term;
  }

  /// Recursion ends at the levels that the engine takes.
  void term(Term any) {
    const Term term = plain(any);
    if (term.negated) {
      enter();
      out_.text("NOT (");
    }
    std::visit([this](const auto& node) { write(node); }, term.node->is);
    if (term.negated) {
      out_.text(")");
      --level_;
    }
  }

  /// Writes all that the same operator joins as one chain, however it was put together.
  template <class Kind>
  void chain(const Kind& node, std::string_view joint) {
    std::vector<Term> terms;
    std::vector<Term> left{{&node.right.node(), false}, {&node.left.node(), false}};
    while (!left.empty()) {
      const Term next = plain(left.back());
      left.pop_back();
      const auto* const same = next.negated ? nullptr : std::get_if<Kind>(&next.node->is);
      if (same != nullptr) {
        left.push_back({&same->right.node(), false});
        left.push_back({&same->left.node(), false});
      } else {
        terms.push_back(next);
      }
      if (terms.size() + left.size() > kMostTerms) refuse_terms();
    }
    terms_ += terms.size();
    if (terms_ > kMostTerms) refuse_terms();
    group(terms, joint);
  }

  /// In parentheses, and parentheses inside them where there are many: SQLite takes `a OR b OR c`
  /// for one level more with each.
  void group(std::span<const Term> terms, std::string_view joint) {
    constexpr std::size_t most = 32;
    enter();
    out_.text("(");
    std::size_t part = 1;
    while (part * most < terms.size()) part *= most;
    for (std::size_t at = 0; at < terms.size(); at += part) {
      if (at > 0) out_.text(joint);
      const auto some = terms.subspan(at, std::min(part, terms.size() - at));
      if (some.size() == 1) {
        term(some[0]);
      } else {
        group(some, joint);
      }
    }
    out_.text(")");
    --level_;
  }

  void enter() {
    const auto most = dialect::most_levels(out_.adapter());
    if (++level_ <= most) return;
    throw_error(Errc::invalid_argument,
                fmt::format("the condition nests deeper than the {} levels of && in ||, || in && "
                            "and ! that {} takes",
                            most, to_string(out_.adapter())));
  }

  [[noreturn]] static void refuse_terms() {
    throw_error(Errc::invalid_argument,
                fmt::format("the condition has more than {} parts", kMostTerms));
  }

  /// Of an IN list on PostgreSQL; what is longer goes as an array.
  static constexpr std::size_t kMostListed = 32;
  /// More are a mistake: a condition that was joined with itself again and again.
  static constexpr std::size_t kMostTerms = 1'000'000;

  SqlWriter& out_;
  std::size_t level_ = 0;
  std::size_t terms_ = 0;
};

}  // namespace

void write_condition(SqlWriter& out, const Expression& expression) {
  ConditionWriter(out).write(expression.node());
}

void write_equal(SqlWriter& out, const ColumnName& column, ValueView value) {
  ConditionWriter(out).compare(column, Comparison::equal, value);
}

}  // namespace grant
