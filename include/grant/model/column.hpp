#pragma once

#include <cstddef>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

#include "grant/core/codec.hpp"
#include "grant/query/table_info.hpp"

namespace grant {

namespace detail {

/// The name behind the last "::" in a template argument such as "&User::email", as the compiler
/// spells it.
template <auto Member>
[[nodiscard]] consteval std::string_view member_name() {
  std::string_view name = __PRETTY_FUNCTION__;
  name = name.substr(name.find("Member = "));
  name = name.substr(0, name.find_first_of(";]"));
  return name.substr(name.rfind(':') + 1);
}

template <class Pointer>
struct MemberPointer;
template <class Class, class T>
struct MemberPointer<T Class::*> {
  using Owner = Class;
  using Type = T;
};

template <auto Member>
using MemberType = typename MemberPointer<decltype(Member)>::Type;

}  // namespace detail

/// A column, described by the member that holds it.
template <auto Member>
struct ColumnDefinition {
  std::string_view name_ = detail::member_name<Member>();
  bool primary_key_ = false;
  bool unique_ = false;
  bool database_default_ = false;
  bool generated_ = false;

  /// The column that tells rows apart. One for each table; an integer one that is zero in a new
  /// record is given by the database.
  [[nodiscard]] consteval ColumnDefinition primary_key() const {
    auto changed = *this;
    changed.primary_key_ = true;
    return changed;
  }

  /// For create_table().
  [[nodiscard]] consteval ColumnDefinition unique() const {
    auto changed = *this;
    changed.unique_ = true;
    return changed;
  }

  /// The database has a default for it: saving a new record leaves the column out while the member
  /// still is what a new record starts with. (Records made with create(column = value, …) need no
  /// such word: they write nothing but what is named.)
  [[nodiscard]] consteval ColumnDefinition database_default() const {
    auto changed = *this;
    changed.database_default_ = true;
    return changed;
  }

  /// The database computes it: never written, and read back with each insert and update where the
  /// engine can (see Model::update()).
  [[nodiscard]] consteval ColumnDefinition generated() const {
    auto changed = *this;
    changed.generated_ = true;
    return changed;
  }

  /// The column's name, where it differs from the member's. A literal.
  [[nodiscard]] consteval ColumnDefinition named(std::string_view name) const {
    auto changed = *this;
    changed.name_ = name;
    return changed;
  }
};

/// `grant::column<&User::email>`: named after the member.
template <auto Member>
inline constexpr ColumnDefinition<Member> column{};

/// A model's table: its name and columns.
template <class T, class... Columns>
struct TableDefinition {
  std::string_view name;
  std::tuple<Columns...> columns;

  /// The column's name.
  template <auto Member>
  [[nodiscard]] consteval std::string_view name_of() const {
    static_assert((std::is_same_v<ColumnDefinition<Member>, Columns> || ...),
                  "grant: this member is not a column of the model's table");
    return std::get<ColumnDefinition<Member>>(columns).name_;
  }
};

/// The table of model T. Members called `created_at` and `updated_at` that are Timestamps are set
/// when a record is created and saved, unless they are set already (created_at).
template <class T, auto... Members>
[[nodiscard]] consteval auto table(std::string_view name, ColumnDefinition<Members>... columns) {
  return TableDefinition<T, ColumnDefinition<Members>...>{name, {columns...}};
}

namespace detail {

template <class T, auto Member>
struct ColumnAccess {
  using Type = MemberType<Member>;
  static_assert(StorableCheck<Type>::checked);

  static void bind(const void* record, Params& params) {
    params.add(Codec<Type>::encode(static_cast<const T*>(record)->*Member));
  }
  static void load(void* record, ValueView value) {
    static_cast<T*>(record)->*Member = Codec<Type>::decode(value);
  }
  static bool is_unset(const void* record) {
    return static_cast<const T*>(record)->*Member == Type{};
  }
  static void initial(Params& params) { params.add(Value(Codec<Type>::encode(T{}.*Member))); }
  static bool is_initial(const void* record) {
    return static_cast<const T*>(record)->*Member == T{}.*Member;
  }
  static void touch(void* record, Timestamp now) { static_cast<T*>(record)->*Member = now; }

  static constexpr bool kComparable = requires(const Type& a) { a == a; };

  static consteval ColumnInfo info(const ColumnDefinition<Member>& definition) {
    using Plain = typename WithoutOptional<Type>::Type;
    ColumnInfo info;
    info.name = definition.name_;
    info.kind = Codec<Type>::kind;
    if constexpr (requires { Codec<Plain>::element_kind; }) {
      info.element_kind = Codec<Plain>::element_kind;
    }
    info.nullable = WithoutOptional<Type>::optional;
    info.primary_key = definition.primary_key_;
    info.unique = definition.unique_;
    info.generated = definition.generated_;
    if constexpr (std::is_arithmetic_v<Type> || std::is_same_v<Type, std::string> ||
                  std::is_same_v<Type, Decimal> || std::is_same_v<Type, Bytes>) {
      info.initial = &initial;
    }
    if constexpr (kComparable) {
      if (definition.database_default_) info.is_initial = &is_initial;
    }
    info.bind = &bind;
    info.load = &load;
    if constexpr (std::is_same_v<Plain, Timestamp>) info.touch = &touch;
    if constexpr (kComparable) info.is_unset = &is_unset;
    return info;
  }
};

template <class T, auto... Members>
struct Columns {
  template <std::size_t Index>
  using TypeAt = std::tuple_element_t<Index, std::tuple<MemberType<Members>...>>;

  ColumnInfo all[sizeof...(Members)];

  consteval explicit Columns(const TableDefinition<T, ColumnDefinition<Members>...>& table)
      : all{ColumnAccess<T, Members>::info(std::get<ColumnDefinition<Members>>(table.columns))...} {
  }

  [[nodiscard]] consteval std::size_t primary_keys() const {
    std::size_t keys = 0;
    for (const auto& column : all) keys += column.primary_key ? 1 : 0;
    return keys;
  }

  /// The first one's index; 0 where there is none.
  [[nodiscard]] consteval std::size_t primary_key() const {
    for (std::size_t i = 0; i < sizeof...(Members); ++i) {
      if (all[i].primary_key) return i;
    }
    return 0;
  }
};

template <class T, auto... Members>
[[nodiscard]] consteval Columns<T, Members...> columns_of(
    const TableDefinition<T, ColumnDefinition<Members>...>& table) {
  return Columns<T, Members...>(table);
}

template <class T>
struct TableOf {
  static constexpr auto columns = columns_of(T::table);
  static_assert(columns.primary_keys() > 0, "grant: a table needs a primary key");
  static_assert(columns.primary_keys() < 2, "grant: a table has one primary key");
  static_assert(columns.all[columns.primary_key()].is_unset != nullptr,
                "grant: the type of a primary key needs operator==");
  static constexpr TableInfo info{T::table.name, columns.all, columns.primary_key()};
};

/// The type of model T's primary key.
template <class T>
using KeyType = typename std::remove_const_t<decltype(TableOf<T>::columns)>::template TypeAt<
    TableOf<T>::columns.primary_key()>;

/// What is known of model T's table.
template <class T>
[[nodiscard]] constexpr const TableInfo& table_info() noexcept {
  return TableOf<T>::info;
}

}  // namespace detail
}  // namespace grant
