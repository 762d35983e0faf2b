#pragma once

#include <concepts>
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
#include "grant/query/sql.hpp"

namespace grant {

/// A column set to a value, for create() and update(): `grant::field<&User::name> = "Ada"`.
template <class T>
struct Assignment {
  ColumnValue set;
  void (*apply)(T& record, ValueView value);
};

namespace detail {

template <class Type, class Operand>
concept Comparable = std::convertible_to<const Operand&, Type> &&
    (std::same_as<std::remove_cvref_t<Operand>, bool> ==
     std::same_as<Type, bool>)&&!(std::integral<Type> && std::floating_point<Operand>);

[[noreturn]] void throw_does_not_fit(const ColumnName& column);

/// An operand as a value of the column's own type, so that what is bound is what is stored. Errors:
/// invalid_argument, for an integer that the type cannot hold.
template <class Type, class Operand>
[[nodiscard]] Value operand_value(const ColumnName& column, const Operand& operand) {
  using Plain = typename WithoutOptional<Type>::Type;
  if constexpr (std::is_same_v<Operand, std::nullopt_t>) {
    static_assert(WithoutOptional<Type>::optional,
                  "grant: this column is never null; its member is not a std::optional");
    return Value();
  } else if constexpr (WithoutOptional<Operand>::optional) {
    return operand ? operand_value<Type>(column, *operand) : Value();
  } else {
    static_assert(Comparable<Plain, Operand>,
                  "grant: the value's type does not match the type of the column");
    if constexpr (std::integral<Plain> && std::integral<Operand> && !std::same_as<Plain, bool>) {
      if (!std::in_range<Plain>(operand)) throw_does_not_fit(column);
    }
    const Plain stored = static_cast<Plain>(operand);
    if constexpr (std::is_same_v<decltype(Codec<Plain>::encode(stored)), Value>) {
      return Codec<Plain>::encode(stored);
    } else {
      return Value(Codec<Plain>::encode(stored));
    }
  }
}

}  // namespace detail

/// A column in conditions, orders and assignments: `grant::field<&User::email>`. Comparing it with
/// a value of another type does not compile.
template <auto Member>
struct Field {
  using Model = typename detail::MemberPointer<decltype(Member)>::Owner;
  using Type = detail::MemberType<Member>;

  [[nodiscard]] static constexpr ColumnName name() {
    constexpr auto column = Model::table.template name_of<Member>();
    return {Model::table.name, column};
  }

  template <class Operand>
  [[nodiscard]] Expression operator==(const Operand& operand) const {
    return compare(Comparison::equal, operand);
  }
  template <class Operand>
  [[nodiscard]] Expression operator!=(const Operand& operand) const {
    return compare(Comparison::not_equal, operand);
  }
  template <class Operand>
  [[nodiscard]] Expression operator<(const Operand& operand) const {
    return compare(Comparison::less, operand);
  }
  template <class Operand>
  [[nodiscard]] Expression operator<=(const Operand& operand) const {
    return compare(Comparison::less_or_equal, operand);
  }
  template <class Operand>
  [[nodiscard]] Expression operator>(const Operand& operand) const {
    return compare(Comparison::greater, operand);
  }
  template <class Operand>
  [[nodiscard]] Expression operator>=(const Operand& operand) const {
    return compare(Comparison::greater_or_equal, operand);
  }

  /// With `%` and `_` as SQL has them.
  [[nodiscard]] Expression like(std::string_view pattern) const {
    static_assert(std::is_same_v<typename detail::WithoutOptional<Type>::Type, std::string>,
                  "grant: like() is for text columns");
    return Expression::compare(name(), Comparison::like, Value(ValueView::text(pattern)));
  }

  [[nodiscard]] Expression is_null() const { return Expression::is_null(name(), true); }
  [[nodiscard]] Expression is_not_null() const { return Expression::is_null(name(), false); }

  /// True for rows whose value is one of `operands`; never for none.
  template <class Operands>
  [[nodiscard]] Expression in(const Operands& operands) const {
    std::vector<Value> values;
    values.reserve(std::size(operands));
    for (const auto& operand : operands)
      values.push_back(detail::operand_value<Type>(name(), operand));
    return Expression::in(name(), std::move(values));
  }
  template <class Operand>
  [[nodiscard]] Expression in(std::initializer_list<Operand> operands) const {
    return in<std::initializer_list<Operand>>(operands);
  }

  [[nodiscard]] Order asc() const { return {name(), false}; }
  [[nodiscard]] Order desc() const { return {name(), true}; }
  operator Order() const { return asc(); }  // NOLINT(google-explicit-constructor)

  /// Not an assignment to the field: it makes one, for create() and update().
  template <class Operand>
  [[nodiscard]] Assignment<Model> operator=(const Operand& operand) const {  // NOLINT
    return {{name(), detail::operand_value<Type>(name(), operand)}, &apply};
  }

 private:
  template <class Operand>
  [[nodiscard]] static Expression compare(Comparison comparison, const Operand& operand) {
    return Expression::compare(name(), comparison, detail::operand_value<Type>(name(), operand));
  }
  template <auto Other>
  [[nodiscard]] static Expression compare(Comparison comparison, const Field<Other>&) {
    static_assert(std::is_same_v<typename detail::WithoutOptional<Type>::Type,
                                 typename detail::WithoutOptional<detail::MemberType<Other>>::Type>,
                  "grant: columns of different types are compared");
    return Expression::compare_columns(name(), comparison, Field<Other>::name());
  }

  static void apply(Model& record, ValueView value) { record.*Member = Codec<Type>::decode(value); }
};

template <auto Member>
inline constexpr Field<Member> field{};

}  // namespace grant
