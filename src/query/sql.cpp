#include "grant/query/sql.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "expression_node.hpp"
#include "grant/core/decimal.hpp"
#include "grant/core/error.hpp"
#include "grant/query/dialect.hpp"

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

/// Appends SQL for one engine and collects the values.
class Writer {
 public:
  explicit Writer(Adapter adapter, const TableInfo& table) : adapter_(adapter), table_(table) {}

  Writer& text(std::string_view part) {
    out_.sql += part;
    return *this;
  }

  Writer& name(std::string_view identifier) {
    dialect::append_identifier(out_.sql, adapter_, identifier);
    return *this;
  }

  Writer& column(const ColumnName& column) {
    refuse_another(column);
    about_ = column;
    return name(column.table).text(".").name(column.column);
  }

  /// A column of the table, without the table's name before it.
  Writer& of_table(const ColumnName& column) {
    refuse_another(column);
    about_ = column;
    return name(column.column);
  }

  Writer& number(std::uint64_t number) {
    fmt::format_to(std::back_inserter(out_.sql), "{}", number);
    return *this;
  }

  Writer& value(ValueView view) {
    out_.params.add(view);
    return placeholder();
  }

  Writer& bind(const ColumnInfo& column, const void* record) {
    about_ = {table_.name, column.name};
    column.bind(record, out_.params);
    return placeholder();
  }

  /// One placeholder for the values that all `records` have in `column`, which is a `type` in the
  /// database; empty: not known.
  Writer& bind_array(const ColumnInfo& column, std::span<void* const> records,
                     std::string_view type) {
    about_ = {table_.name, column.name};
    Params values;
    for (const void* record : records) column.bind(record, values);
    out_.params.add_array(std::move(values));
    placeholder().text("::").text(dialect::array_type(column.kind));
    // What goes as text becomes an enum, an address, an interval: as one value would by itself.
    const bool by_text = column.kind == ValueKind::text || column.kind == ValueKind::json;
    // Double precision that becomes numeric is cut to 15 digits; its text is not.
    const bool exact = column.kind == ValueKind::real && type == "numeric";
    if (exact) text("::text[]");
    if ((by_text && !type.empty()) || exact) text("::").text(type).text("[]");
    return *this;
  }

  Writer& ignore_conflicts(const TableInfo& table) {
    if (adapter_ != Adapter::mariadb) return text(" ON CONFLICT DO NOTHING");
    // Not INSERT IGNORE, which takes values that do not fit as well.
    const auto key = table.key().name;
    return text(" ON DUPLICATE KEY UPDATE ").name(key).text(" = ").name(key);
  }

  /// `each` writes one item.
  template <class Items, class Each>
  Writer& list(const Items& items, const Each& each) {
    bool first = true;
    for (const auto& item : items) {
      if (!std::exchange(first, false)) text(", ");
      each(item);
    }
    return *this;
  }

  Writer& all_columns(const TableInfo& table) {
    return list(table.columns, [this](const ColumnInfo& column) { name(column.name); });
  }

  Writer& names(const TableInfo& table, const ColumnSet& columns) {
    return list(columns, [&](std::size_t index) { name(table.columns[index].name); });
  }

  /// A table's name, quoted, as a value.
  Writer& quoted_name(std::string_view identifier) {
    std::string quoted;
    dialect::append_identifier(quoted, adapter_, identifier);
    out_.params.add(Value(ValueView::text(quoted)));
    return placeholder();
  }

  /// Errors: invalid_argument, for one that nests deeper than the engine takes.
  Writer& condition(const Expression& expression) {
    term({&expression.node(), false});
    return *this;
  }

  Writer& where(const Selection& selection) {
    if (selection.where) text(" WHERE ").condition(*selection.where);
    return *this;
  }

  Writer& where_key(const TableInfo& table, const void* record, Alone alone) {
    text(" WHERE ").key_of(table, record);
    if (alone == Alone::by_rule) return *this;
    text(" AND (SELECT count(*) FROM ").name(table.name).text(" WHERE ").key_of(table, record);
    return text(") = 1");
  }

  Writer& order(const Order& order) {
    dialect::check_order(adapter_, kind_of(order.column), order.column);
    return column(order.column).text(order.descending ? " DESC" : "");
  }

  Writer& range(const Selection& selection) {
    if (selection.limit) text(" LIMIT ").number(*selection.limit);
    if (selection.offset) {
      if (!selection.limit) text(dialect::limit_before_offset(adapter_));
      text(" OFFSET ").number(*selection.offset);
    }
    return *this;
  }

  RenderedSql take() {
    dialect::check_placeholders(adapter_, out_.params.size());
    return std::move(out_);
  }

 private:
  using Node = Expression::Node;

  Writer& owned(Value value) {
    out_.params.add(std::move(value));
    return placeholder();
  }

  Writer& owned_text(const std::string& text) { return owned(Value(ValueView::text(text))); }

  Writer& placeholder() {
    out_.columns.push_back(about_);
    return text("$").number(out_.params.size());
  }

  Writer& key_of(const TableInfo& table, const void* record) {
    Params key;
    table.key().bind(record, key);
    compare({table.name, table.key().name}, Comparison::equal, key.views()[0]);
    return *this;
  }

  [[nodiscard]] ValueKind kind_of(const ColumnName& column) const {
    refuse_another(column);
    const auto found = std::ranges::find(table_.columns, column.column, &ColumnInfo::name);
    return found == table_.columns.end() ? ValueKind::null : found->kind;
  }

  void write(const Node::Compare& node) {
    compare(node.column, node.comparison, node.value.view());
  }

  void compare(const ColumnName& column, Comparison comparison, ValueView value) {
    const bool like = comparison == Comparison::like;
    switch (like ? Comparing::as_the_type : dialect::comparing(adapter_, value.kind())) {
      case Comparing::as_the_type:
        this->column(column).text(symbol(comparison)).value(value);
        break;
      case Comparing::as_timestamps: timestamps(column, comparison, {&value, 1}); break;
      case Comparing::as_times: time(column, comparison, value); break;
      case Comparing::as_decimals:
      case Comparing::as_uuids:
        if (comparison != Comparison::equal && comparison != Comparison::not_equal) {
          dialect::check_order(adapter_, value.kind(), column);
          this->column(column).text(symbol(comparison)).value(value);
          break;
        }
        if (comparison == Comparison::not_equal) text("NOT ");
        equal_one_of(column, {&value, 1});
        break;
      case Comparing::not_at_all: dialect::refuse_comparison(adapter_, value.kind(), column);
    }
  }

  /// In parentheses, whether the column has one of these values, all of one kind.
  void equal_one_of(const ColumnName& column, std::span<const ValueView> values) {
    switch (dialect::comparing(adapter_, values[0].kind())) {
      case Comparing::as_the_type: listed(column, values); break;
      case Comparing::as_timestamps: timestamps(column, Comparison::equal, values); break;
      case Comparing::as_decimals: decimals(column, values); break;
      case Comparing::as_times:
        forms(column, values, [](ValueView each) { return dialect::forms_of(each.as_time()); });
        break;
      case Comparing::as_uuids:
        forms(column, values, [](ValueView each) { return dialect::forms_of(each.as_uuid()); });
        break;
      case Comparing::not_at_all: dialect::refuse_comparison(adapter_, values[0].kind(), column);
    }
  }

  void listed(const ColumnName& column, std::span<const ValueView> values) {
    this->column(column).text(" IN (");
    list(values, [this](ValueView each) { value(each); }).text(")");
  }

  template <class FormsOf>
  void forms(const ColumnName& column, std::span<const ValueView> values, const FormsOf& of) {
    text("(").column(column).text(" IN (");
    list(values,
         [&](ValueView each) { list(of(each), [this](const Value& form) { owned(form); }); });
    text("))");
  }

  /// All forms of a time stand together, between the shortest and what follows the longest.
  void time(const ColumnName& column, Comparison comparison, ValueView value) {
    using enum Comparison;
    const auto forms = dialect::forms_of(value.as_time());
    const auto from = [&](std::string_view symbol) {
      this->column(column).text(symbol).owned(forms.front());
    };
    const auto past = [&](std::string_view symbol) {
      const auto longest = forms.back();
      this->column(column).text(symbol).owned_text(std::string(longest.view().as_characters()) +
                                                   ':');
    };
    switch (comparison) {
      case less: from(" < "); break;
      case greater_or_equal: from(" >= "); break;
      case less_or_equal: past(" < "); break;
      case greater: past(" >= "); break;
      default:
        text(comparison == not_equal ? "NOT (" : "(");
        from(" >= ");
        text(" AND ");
        past(" < ");
        text(")");
    }
  }

  void function_of(std::string_view function, const ColumnName& column) {
    text(function).text("(").column(column).text(")");
  }

  /// The bounds are what an index is searched for; the function tells which of the rows between
  /// them it is.
  void timestamps(const ColumnName& column, Comparison comparison,
                  std::span<const ValueView> values) {
    using enum Comparison;
    const auto [least, most] = std::ranges::minmax(values, {}, &ValueView::as_timestamp);
    text("(");
    const auto at_least = dialect::bounds_of(least.as_timestamp()).at_least;
    const bool from =
        comparison == equal || comparison == greater || comparison == greater_or_equal;
    if (from && !at_least.empty())
      this->column(column).text(" >= ").owned_text(at_least).text(" AND ");
    const auto below = dialect::bounds_of(most.as_timestamp()).below;
    const bool to = comparison == equal || comparison == less || comparison == less_or_equal;
    if (to && !below.empty()) this->column(column).text(" < ").owned_text(below).text(" AND ");
    function_of("grant_timestamp", column);
    if (values.size() == 1) {
      text(symbol(comparison)).value(values[0]);
    } else {
      text(" IN (").list(values, [this](ValueView each) { value(each); }).text(")");
    }
    text(")");
  }

  /// Numbers and text that Grant has written are found as they are; text of others' between the
  /// bounds, whatever zeros it has at its end.
  void decimals(const ColumnName& column, std::span<const ValueView> values) {
    std::vector<std::string> canonical;
    for (const auto& each : values) canonical.push_back(Decimal(each.as_characters()).canonical());
    const auto [least, most] = std::ranges::minmax(canonical);
    text("(");
    listed(column, values);
    text(" OR (").column(column).text(" > ").owned_text(least).text(" AND ").column(column);
    text(" < ").owned_text(dialect::end_of_zeros(most)).text(" AND ");
    function_of("grant_decimal", column);
    text(" IN (").list(canonical, [this](const std::string& each) { owned_text(each); });
    text(")))");
  }

  void write(const Node::CompareColumns& node) {
    using enum Comparison;
    const auto kind = kind_of(node.left);
    const bool equality = node.comparison == equal || node.comparison == not_equal;
    const auto how = dialect::comparing(adapter_, kind);
    if (!equality) dialect::check_order(adapter_, kind, node.left);
    if (how == Comparing::not_at_all) dialect::refuse_comparison(adapter_, kind, node.left);
    if (how == Comparing::as_timestamps || how == Comparing::as_decimals) {
      const auto function = how == Comparing::as_timestamps ? "grant_timestamp" : "grant_decimal";
      function_of(function, node.left);
      text(symbol(node.comparison));
      function_of(function, node.right);
      return;
    }
    column(node.left).text(symbol(node.comparison)).column(node.right);
  }
  void write(const Node::IsNull& node) {
    column(node.column).text(node.wanted ? " IS NULL" : " IS NOT NULL");
  }
  void write(const Node::In& node) {
    if (node.values.empty()) {
      text("1 = 0");
      return;
    }
    if (adapter_ == Adapter::postgres && node.values.size() > kMostListed) {
      // One placeholder for any number of values, whose type the server takes from the column.
      Params elements;
      for (const Value& each : node.values) elements.add(each.view());
      out_.params.add_array(std::move(elements));
      column(node.column).text(" = ANY(").placeholder().text(")");
      return;
    }
    std::vector<ValueView> values;
    for (const Value& each : node.values) values.push_back(each.view());
    equal_one_of(node.column, values);
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
      text("NOT (");
    }
    std::visit([this](const auto& node) { write(node); }, term.node->is);
    if (term.negated) {
      text(")");
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
    text("(");
    std::size_t part = 1;
    while (part * most < terms.size()) part *= most;
    for (std::size_t at = 0; at < terms.size(); at += part) {
      if (at > 0) text(joint);
      const auto some = terms.subspan(at, std::min(part, terms.size() - at));
      if (some.size() == 1) {
        term(some[0]);
      } else {
        group(some, joint);
      }
    }
    text(")");
    --level_;
  }

  void refuse_another(const ColumnName& column) const {
    if (column.table == table_.name) return;
    throw_error(Errc::invalid_argument,
                fmt::format("the query is on {}, and column {}.{} is not of it", table_.name,
                            column.table, column.column));
  }

  void enter() {
    const auto most = dialect::most_levels(adapter_);
    if (++level_ <= most) return;
    throw_error(Errc::invalid_argument,
                fmt::format("the condition nests deeper than the {} levels of && in ||, || in && "
                            "and ! that {} takes",
                            most, to_string(adapter_)));
  }

  [[noreturn]] static void refuse_terms() {
    throw_error(Errc::invalid_argument,
                fmt::format("the condition has more than {} parts", kMostTerms));
  }

  /// Of an IN list on PostgreSQL; what is longer goes as an array.
  static constexpr std::size_t kMostListed = 32;
  /// More are a mistake: a condition that was joined with itself again and again.
  static constexpr std::size_t kMostTerms = 1'000'000;

  Adapter adapter_;
  const TableInfo& table_;
  RenderedSql out_;
  ColumnName about_;  ///< The column that values are about; empty: none.
  std::size_t level_ = 0;
  std::size_t terms_ = 0;
};

void refuse_range(const Selection& selection, std::string_view what) {
  if (selection.order.empty() && !selection.limit && !selection.offset) return;
  throw_error(Errc::invalid_argument,
              fmt::format("{} of {} takes no order, limit or offset", what, selection.table->name));
}

}  // namespace

RenderedSql render_select(Adapter adapter, const Selection& selection) {
  Writer out(adapter, *selection.table);
  out.text("SELECT ").all_columns(*selection.table).text(" FROM ").name(selection.table->name);
  out.where(selection);
  if (!selection.order.empty()) {
    out.text(" ORDER BY ").list(selection.order, [&out](const Order& order) { out.order(order); });
  }
  return out.range(selection).take();
}

RenderedSql render_count(Adapter adapter, const Selection& selection) {
  Writer out(adapter, *selection.table);
  if (!selection.limit && !selection.offset) {
    out.text("SELECT count(*) FROM ").name(selection.table->name);
    return out.where(selection).take();
  }
  out.text("SELECT count(*) FROM (SELECT 1 FROM ").name(selection.table->name);
  out.where(selection).range(selection);
  return out.text(") AS counted").take();
}

RenderedSql render_exists(Adapter adapter, const Selection& selection) {
  Writer out(adapter, *selection.table);
  out.text("SELECT 1 FROM ").name(selection.table->name).where(selection);
  Selection one = selection;
  if (!one.limit || *one.limit > 1) one.limit = 1;
  return out.range(one).take();
}

RenderedSql render_update(Adapter adapter, const Selection& selection,
                          const std::vector<ColumnValue>& values) {
  refuse_range(selection, "an update");
  if (values.empty()) {
    throw_error(Errc::invalid_argument,
                fmt::format("an update of {} sets no column", selection.table->name));
  }
  Writer out(adapter, *selection.table);
  out.text("UPDATE ").name(selection.table->name).text(" SET ");
  out.list(values, [&out](const ColumnValue& set) {
    out.of_table(set.column).text(" = ").value(set.value.view());
  });
  return out.where(selection).take();
}

RenderedSql render_delete(Adapter adapter, const Selection& selection) {
  refuse_range(selection, "a delete");
  Writer out(adapter, *selection.table);
  return out.text("DELETE FROM ").name(selection.table->name).where(selection).take();
}

ColumnSet columns_to_insert(const TableInfo& table, const void* record) {
  ColumnSet columns;
  for (std::size_t i = 0; i < table.columns.size(); ++i) {
    const auto& column = table.columns[i];
    const bool left_out = column.generated || (column.primary_key && column.is_unset(record)) ||
                          (column.is_initial != nullptr && column.is_initial(record));
    if (!left_out) columns.push_back(i);
  }
  return columns;
}

RenderedSql render_insert(Adapter adapter, const TableInfo& table, const void* record,
                          const ColumnSet& columns) {
  Writer out(adapter, table);
  out.text("INSERT INTO ").name(table.name);
  if (columns.empty()) {
    out.text(dialect::default_values(adapter));
  } else {
    out.text(" (").names(table, columns).text(") VALUES (");
    out.list(columns, [&](std::size_t i) { out.bind(table.columns[i], record); }).text(")");
  }
  return out.text(" RETURNING ").all_columns(table).take();
}

bool takes_arrays(Adapter adapter, const TableInfo& table) {
  // unnest() would take a column that is an array itself apart too far.
  return adapter == Adapter::postgres &&
         std::ranges::none_of(table.columns, [](const ColumnInfo& column) {
           return column.kind == ValueKind::array;
         });
}

std::size_t most_records(Adapter adapter, const TableInfo& table) noexcept {
  if (takes_arrays(adapter, table)) return 1'000'000;
  return std::max<std::size_t>(1, dialect::most_placeholders(adapter) / table.columns.size());
}

RenderedSql render_insert_all(Adapter adapter, const TableInfo& table,
                              std::span<void* const> records, const ColumnSet& columns,
                              OnConflict on_conflict, bool returning, const ColumnTypes& types) {
  if (columns.empty()) {
    throw_error(
        Errc::invalid_argument,
        fmt::format("table {} has nothing but a generated key: create its records one by one",
                    table.name));
  }
  Writer out(adapter, table);
  out.text("INSERT INTO ").name(table.name).text(" (").names(table, columns);
  if (takes_arrays(adapter, table)) {
    out.text(") SELECT * FROM unnest(");
    out.list(columns, [&](std::size_t i) {
      out.bind_array(table.columns[i], records, types.empty() ? std::string_view() : types[i]);
    });
    out.text(")");
  } else {
    out.text(") VALUES ").list(records, [&](const void* record) {
      out.text("(");
      out.list(columns, [&](std::size_t i) { out.bind(table.columns[i], record); }).text(")");
    });
  }
  if (on_conflict == OnConflict::ignore) out.ignore_conflicts(table);
  if (returning) out.text(" RETURNING ").all_columns(table);
  return out.take();
}

RenderedSql render_column_types(Adapter adapter, const TableInfo& table) {
  if (!takes_arrays(adapter, table)) return {};
  Writer out(adapter, table);
  out.text(
      "SELECT attname::text, format_type(atttypid, -1) FROM pg_attribute "
      "WHERE attnum > 0 AND NOT attisdropped AND attrelid = to_regclass(");
  return out.quoted_name(table.name).text(")").take();
}

RenderedSql render_key_rules(Adapter adapter, const TableInfo& table) {
  Writer out(adapter, table);
  const auto key = ValueView::text(table.key().name);
  switch (adapter) {
    case Adapter::postgres:
      out.text(
          "SELECT count(*) FROM pg_index JOIN pg_attribute ON attrelid = indrelid "
          "AND attnum = indkey[0] WHERE indisunique AND indisvalid AND indpred IS NULL "
          "AND indnkeyatts = 1 AND indrelid = to_regclass(");
      out.quoted_name(table.name).text(") AND attname = ").value(key);
      break;
    case Adapter::mariadb:
      out.text(
          "SELECT count(*) FROM (SELECT index_name FROM information_schema.statistics "
          "WHERE table_schema = database() AND non_unique = 0 AND table_name = ");
      out.value(ValueView::text(table.name)).text(" GROUP BY index_name");
      out.text(" HAVING count(*) = 1 AND max(column_name) = ").value(key).text(") AS rules");
      break;
    case Adapter::sqlite:
      // A primary key of one column may have no index: it is the row's own number then.
      out.text("SELECT (SELECT count(*) = 1 AND max(name) = ").value(key);
      out.text(" FROM pragma_table_info(").value(ValueView::text(table.name));
      out.text(") WHERE pk > 0) + (SELECT count(*) FROM pragma_index_list(");
      out.value(ValueView::text(table.name))
          .text(") AS rule WHERE \"unique\" AND NOT partial AND ");
      out.text("(SELECT count(*) = 1 AND max(name) = ").value(key);
      out.text(" FROM pragma_index_info(rule.name)))");
      break;
  }
  return out.take();
}

RenderedSql render_update_record(Adapter adapter, const TableInfo& table, const void* record,
                                 const ColumnSet& columns, const ColumnSet& returned, Alone alone) {
  Writer out(adapter, table);
  out.text("UPDATE ").name(table.name).text(" SET ");
  out.list(columns, [&](std::size_t index) {
    const auto& column = table.columns[index];
    out.name(column.name).text(" = ").bind(column, record);
  });
  out.where_key(table, record, alone);
  if (adapter != Adapter::mariadb && !returned.empty()) {
    out.text(" RETURNING ").names(table, returned);
  }
  return out.take();
}

RenderedSql render_delete_record(Adapter adapter, const TableInfo& table, const void* record,
                                 Alone alone) {
  Writer out(adapter, table);
  return out.text("DELETE FROM ").name(table.name).where_key(table, record, alone).take();
}

std::string render_create_table(Adapter adapter, const TableInfo& table) {
  Writer out(adapter, table);
  out.text("CREATE TABLE IF NOT EXISTS ").name(table.name).text(" (");
  out.list(table.columns, [&](const ColumnInfo& column) {
    out.name(column.name).text(" ").text(dialect::column_definition(adapter, column));
  });
  return out.text(")").take().sql;
}

}  // namespace grant
