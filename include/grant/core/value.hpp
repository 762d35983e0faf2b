#pragma once

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "grant/core/clock.hpp"

namespace grant {

using Bytes = std::vector<std::byte>;

/// What a database cell or a bound parameter can be.
enum class ValueKind : std::uint8_t { null, boolean, integer, real, text, bytes, timestamp, json };

[[nodiscard]] std::string_view to_string(ValueKind kind) noexcept;

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
  [[nodiscard]] static constexpr ValueView real(double v) noexcept {
    ValueView view;
    view.kind_ = ValueKind::real;
    view.real_ = v;
    return view;
  }
  [[nodiscard]] static constexpr ValueView timestamp(Timestamp v) noexcept {
    return scalar(ValueKind::timestamp, v.time_since_epoch().count());
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

  [[nodiscard]] constexpr ValueKind kind() const noexcept { return kind_; }
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
  [[nodiscard]] constexpr double as_real() const noexcept {
    assert(kind_ == ValueKind::real);
    return real_;
  }
  [[nodiscard]] constexpr Timestamp as_timestamp() const noexcept {
    assert(kind_ == ValueKind::timestamp);
    return Timestamp(std::chrono::microseconds(integer_));
  }
  /// The characters of text or JSON, or bytes seen as characters.
  [[nodiscard]] constexpr std::string_view as_characters() const noexcept {
    assert(kind_ == ValueKind::text || kind_ == ValueKind::json || kind_ == ValueKind::bytes);
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
  union {
    std::int64_t integer_ = 0;
    double real_;
    const char* data_;
  };
  std::size_t size_ = 0;
};

/// A cell or parameter that owns its text or bytes.
class Value {
 public:
  Value() = default;  // null

  /// A copy of what `view` looks at.
  explicit Value(ValueView view);

  /// Valid while this value lives and is not moved.
  [[nodiscard]] ValueView view() const noexcept;

 private:
  ValueView scalar_;
  std::string characters_;
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

  [[nodiscard]] std::span<const ValueView> views() const noexcept { return views_; }
  [[nodiscard]] std::size_t size() const noexcept { return views_.size(); }

 private:
  std::vector<ValueView> views_;
  std::vector<std::unique_ptr<Value>> owned_;
};

}  // namespace grant
