#pragma once

#include <array>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "grant/core/clock.hpp"
#include "grant/core/date.hpp"
#include "grant/core/uuid.hpp"

namespace grant {

using Bytes = std::vector<std::byte>;

/// What a database cell or a bound parameter can be.
enum class ValueKind : std::uint8_t {
  null,
  boolean,
  integer,           ///< Up to 64 bits, signed.
  unsigned_integer,  ///< Only what is beyond the signed ones.
  real,
  decimal,  ///< An exact number, as text; see Decimal.
  text,
  bytes,
  date,
  time,  ///< Of a day.
  timestamp,
  uuid,
  json,
  array,  ///< Of values of one kind, or null.
};

[[nodiscard]] std::string_view to_string(ValueKind kind) noexcept;

/// "a" or "an", as the kind's name wants it.
[[nodiscard]] std::string_view article_of(ValueKind kind) noexcept;

/// All kinds but null.
inline constexpr std::array kValueKinds{
    ValueKind::boolean,   ValueKind::integer, ValueKind::unsigned_integer,
    ValueKind::real,      ValueKind::decimal, ValueKind::text,
    ValueKind::bytes,     ValueKind::date,    ValueKind::time,
    ValueKind::timestamp, ValueKind::uuid,    ValueKind::json,
    ValueKind::array,
};

/// A cell or parameter, looked at without owning it: text and bytes belong to somebody else and
/// must outlive the view. 24 bytes; pass it by value.
class ValueView {
 public:
  constexpr ValueView() noexcept = default;  // null

  [[nodiscard]] static constexpr ValueView boolean(bool v) noexcept {
    return scalar(ValueKind::boolean, v ? 1 : 0);
  }
  [[nodiscard]] static constexpr ValueView integer(std::int64_t v) noexcept {
    return scalar(ValueKind::integer, v);
  }
  /// An integer, where `v` fits into a signed one.
  [[nodiscard]] static constexpr ValueView unsigned_integer(std::uint64_t v) noexcept {
    const auto bits = static_cast<std::int64_t>(v);
    return scalar(bits < 0 ? ValueKind::unsigned_integer : ValueKind::integer, bits);
  }
  [[nodiscard]] static constexpr ValueView real(double v) noexcept {
    ValueView view;
    view.kind_ = ValueKind::real;
    view.real_ = v;
    return view;
  }
  [[nodiscard]] static constexpr ValueView date(Date v) noexcept {
    return scalar(ValueKind::date, v.time_since_epoch().count());
  }
  [[nodiscard]] static constexpr ValueView time(TimeOfDay v) noexcept {
    return scalar(ValueKind::time, v.since_midnight.count());
  }
  [[nodiscard]] static constexpr ValueView timestamp(Timestamp v) noexcept {
    return scalar(ValueKind::timestamp, v.time_since_epoch().count());
  }
  /// `v`: digits with an optional sign and point, as Decimal::text() gives them.
  [[nodiscard]] static constexpr ValueView decimal(std::string_view v) noexcept {
    return characters(ValueKind::decimal, v);
  }
  /// `v`: the 16 bytes.
  [[nodiscard]] static constexpr ValueView uuid(std::string_view v) noexcept {
    assert(v.size() == Uuid::kSize);
    return characters(ValueKind::uuid, v);
  }
  [[nodiscard]] static ValueView uuid(const Uuid& v) noexcept {
    return uuid(std::string_view(reinterpret_cast<const char*>(v.bytes.data()), Uuid::kSize));
  }
  [[nodiscard]] static constexpr ValueView array(std::span<const ValueView> v) noexcept {
    ValueView view;
    view.kind_ = ValueKind::array;
    view.elements_ = v.data();
    view.size_ = v.size();
    return view;
  }
  [[nodiscard]] static constexpr ValueView text(std::string_view v) noexcept {
    return characters(ValueKind::text, v);
  }
  [[nodiscard]] static constexpr ValueView json(std::string_view v) noexcept {
    return characters(ValueKind::json, v);
  }
  [[nodiscard]] static ValueView bytes(std::span<const std::byte> v) noexcept {
    return characters(ValueKind::bytes, {reinterpret_cast<const char*>(v.data()), v.size()});
  }

  /// `v` as a string of bits, which integers and booleans are read from too: text of '0' and '1',
  /// or bytes that are a number, the most significant one first.
  [[nodiscard]] static constexpr ValueView bits(ValueView v) noexcept {
    assert(v.kind() == ValueKind::text || v.kind() == ValueKind::bytes);
    v.bits_ = true;
    return v;
  }

  [[nodiscard]] constexpr ValueKind kind() const noexcept { return kind_; }

  /// Whether it came from bits(). Its kind is text or bytes.
  [[nodiscard]] constexpr bool is_bits() const noexcept { return bits_; }

  [[nodiscard]] constexpr bool is_null() const noexcept { return kind_ == ValueKind::null; }

  // Each of these is for its own kind only.
  [[nodiscard]] constexpr bool as_boolean() const noexcept {
    assert(kind_ == ValueKind::boolean);
    return integer_ != 0;
  }
  [[nodiscard]] constexpr std::int64_t as_integer() const noexcept {
    assert(kind_ == ValueKind::integer);
    return integer_;
  }
  [[nodiscard]] constexpr std::uint64_t as_unsigned_integer() const noexcept {
    assert(kind_ == ValueKind::unsigned_integer);
    return static_cast<std::uint64_t>(integer_);
  }
  [[nodiscard]] constexpr double as_real() const noexcept {
    assert(kind_ == ValueKind::real);
    return real_;
  }
  [[nodiscard]] constexpr Timestamp as_timestamp() const noexcept {
    assert(kind_ == ValueKind::timestamp);
    return Timestamp(std::chrono::microseconds(integer_));
  }
  [[nodiscard]] constexpr Date as_date() const noexcept {
    assert(kind_ == ValueKind::date);
    return Date(std::chrono::days(static_cast<std::chrono::days::rep>(integer_)));
  }
  [[nodiscard]] constexpr TimeOfDay as_time() const noexcept {
    assert(kind_ == ValueKind::time);
    return TimeOfDay{std::chrono::microseconds(integer_)};
  }
  [[nodiscard]] Uuid as_uuid() const noexcept {
    assert(kind_ == ValueKind::uuid);
    Uuid uuid;
    std::memcpy(uuid.bytes.data(), data_, Uuid::kSize);
    return uuid;
  }
  [[nodiscard]] constexpr std::span<const ValueView> as_array() const noexcept {
    assert(kind_ == ValueKind::array);
    return {elements_, size_};
  }

  /// True for the kinds that as_characters() is for.
  [[nodiscard]] constexpr bool has_characters() const noexcept {
    return kind_ == ValueKind::text || kind_ == ValueKind::json || kind_ == ValueKind::bytes ||
           kind_ == ValueKind::decimal || kind_ == ValueKind::uuid;
  }
  /// The characters of text, JSON or a decimal, or the bytes of bytes or a UUID seen as characters.
  [[nodiscard]] constexpr std::string_view as_characters() const noexcept {
    assert(has_characters());
    return {data_, size_};
  }

 private:
  static constexpr ValueView scalar(ValueKind kind, std::int64_t v) noexcept {
    ValueView view;
    view.kind_ = kind;
    view.integer_ = v;
    return view;
  }
  static constexpr ValueView characters(ValueKind kind, std::string_view v) noexcept {
    ValueView view;
    view.kind_ = kind;
    view.data_ = v.data();
    view.size_ = v.size();
    return view;
  }

  ValueKind kind_ = ValueKind::null;
  bool bits_ = false;
  union {
    std::int64_t integer_ = 0;
    double real_;
    const char* data_;
    const ValueView* elements_;
  };
  std::size_t size_ = 0;
};

/// A cell or parameter that owns its text, bytes or elements.
class Value {
 public:
  Value() = default;  // null

  /// A copy of what `view` looks at.
  explicit Value(ValueView view);

  /// An array of `elements`.
  [[nodiscard]] static Value array(std::vector<Value> elements);

  /// Valid while this value lives and is not moved.
  [[nodiscard]] ValueView view() const noexcept;

 private:
  struct Elements;

  [[nodiscard]] ValueView characters() const noexcept;

  ValueView scalar_;
  std::string characters_;
  std::shared_ptr<const Elements> elements_;  // of an array
};

/// The parameters of one statement, in the order of their placeholders: views of values that live
/// elsewhere, and values kept here.
class Params {
 public:
  /// What `view` looks at must outlive the Params.
  void add(ValueView view) { views_.push_back(view); }

  void add(Value value) {
    owned_.push_back(std::make_unique<Value>(std::move(value)));
    views_.push_back(owned_.back()->view());
  }

  /// One parameter: an array of them.
  void add_array(Params elements) {
    arrays_.push_back(std::make_unique<Params>(std::move(elements)));
    views_.push_back(ValueView::array(arrays_.back()->views()));
  }

  [[nodiscard]] std::span<const ValueView> views() const noexcept { return views_; }
  [[nodiscard]] std::size_t size() const noexcept { return views_.size(); }

 private:
  std::vector<ValueView> views_;
  std::vector<std::unique_ptr<Value>> owned_;
  std::vector<std::unique_ptr<Params>> arrays_;
};

}  // namespace grant
