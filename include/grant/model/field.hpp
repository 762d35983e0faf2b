#pragma once

#include <cstddef>
#include <initializer_list>
#include <iterator>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "grant/model/column.hpp"
#include "grant/query/expression.hpp"
#include "grant/query/operand.hpp"
#include "grant/query/sql.hpp"

namespace grant {

/// A column set to a value, for create() and update(): `grant::field<&User::name> = "Ada"`.
template <class T>
struct Assignment {
  ColumnValue set;
  void (*apply)(T& record, ValueView value);
};

/// A column in conditions, orders and assignments: `grant::field<&User::email>`. A value that the
/// column's type could take only with a change does not compile; see detail::operand_value().
template <auto Member>
struct Field {
  using Model = typename detail::MemberPointer<decltype(Member)>::Owner;
  using Type = detail::MemberType<Member>;

  [[nodiscard]] static constexpr ColumnName name() {
    constexpr auto column = Model::table.template name_of<Member>();
    return {Model::table.name, column};
  }

  template <class Operand>
  [[nodiscard]] ConditionOf<Model> operator==(const Operand& operand) const {
    return compare(Comparison::equal, operand);
  }
  template <class Operand>
  [[nodiscard]] ConditionOf<Model> operator!=(const Operand& operand) const {
    return compare(Comparison::not_equal, operand);
  }
  template <class Operand>
  [[nodiscard]] ConditionOf<Model> operator<(const Operand& operand) const {
    return compare(Comparison::less, operand);
  }
  template <class Operand>
  [[nodiscard]] ConditionOf<Model> operator<=(const Operand& operand) const {
    return compare(Comparison::less_or_equal, operand);
  }
  template <class Operand>
  [[nodiscard]] ConditionOf<Model> operator>(const Operand& operand) const {
    return compare(Comparison::greater, operand);
  }
  template <class Operand>
  [[nodiscard]] ConditionOf<Model> operator>=(const Operand& operand) const {
    return compare(Comparison::greater_or_equal, operand);
  }

  /// With `%` and `_` as SQL has them.
  template <class Pattern>
  [[nodiscard]] ConditionOf<Model> like(const Pattern& pattern) const {
    static_assert(std::is_same_v<typename detail::WithoutOptional<Type>::Type, std::string>,
                  "grant: like() is for text columns");
    return ConditionOf<Model>(Expression::compare(
        name(), Comparison::like, detail::operand_value<std::string>(place(), pattern)));
  }

  [[nodiscard]] ConditionOf<Model> is_null() const {
    return ConditionOf<Model>(Expression::is_null(name(), true));
  }
  [[nodiscard]] ConditionOf<Model> is_not_null() const {
    return ConditionOf<Model>(Expression::is_null(name(), false));
  }

  /// True for rows whose value is one of `operands`; never for none.
  template <class Operands>
  [[nodiscard]] ConditionOf<Model> in(const Operands& operands) const {
    std::vector<Value> values;
    values.reserve(std::size(operands));
    for (const auto& operand : operands)
      values.push_back(detail::operand_value<Type>(place(), operand));
    return ConditionOf<Model>(Expression::in(name(), std::move(values)));
  }
  template <class Operand>
  [[nodiscard]] ConditionOf<Model> in(std::initializer_list<Operand> operands) const {
    return in<std::initializer_list<Operand>>(operands);
  }

  [[nodiscard]] OrderOf<Model> asc() const { return {{name(), false}}; }
  [[nodiscard]] OrderOf<Model> desc() const { return {{name(), true}}; }
  operator OrderOf<Model>() const { return asc(); }  // NOLINT(google-explicit-constructor)

  /// Not an assignment to the field: it makes one, for create() and update().
  template <class Operand>
  [[nodiscard]] Assignment<Model> operator=(const Operand& operand) const {  // NOLINT
    return {{name(), detail::operand_value<Type>(place(), operand)}, &apply};
  }

 private:
  [[nodiscard]] static constexpr detail::ValuePlace place() { return {name()}; }

  template <class Operand>
  [[nodiscard]] static ConditionOf<Model> compare(Comparison comparison, const Operand& operand) {
    return ConditionOf<Model>(
        Expression::compare(name(), comparison, detail::operand_value<Type>(place(), operand)));
  }
  template <auto Other>
  [[nodiscard]] static ConditionOf<Model> compare(Comparison comparison, const Field<Other>&) {
    static_assert(std::is_same_v<typename Field<Other>::Model, Model>,
                  "grant: columns of two models are compared; a query has the columns of one");
    static_assert(std::is_same_v<typename detail::WithoutOptional<Type>::Type,
                                 typename detail::WithoutOptional<detail::MemberType<Other>>::Type>,
                  "grant: columns of different types are compared");
    return ConditionOf<Model>(
        Expression::compare_columns(name(), comparison, Field<Other>::name()));
  }

  static void apply(Model& record, ValueView value) { record.*Member = Codec<Type>::decode(value); }
};

template <auto Member>
inline constexpr Field<Member> field{};

}  // namespace grant
