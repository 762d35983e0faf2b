#pragma once

#include <array>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "types.hpp"

namespace grant::postgres {

/// Puts the values of one statement into the form that libpq sends. Keeps its memory from one
/// statement to the next.
class Binder {
 public:
  /// Encodes `values` for placeholders of `types`. What values() points to is valid until the next
  /// call and while the values live. Errors: invalid_argument, naming the placeholder, its type and
  /// the limit, never the value.
  void bind(std::span<const ValueView> values, std::span<const Oid> types);

  [[nodiscard]] int count() const noexcept { return static_cast<int>(count_); }
  [[nodiscard]] const char* const* values() const noexcept { return values_.data(); }
  [[nodiscard]] const int* lengths() const noexcept { return lengths_.data(); }
  [[nodiscard]] const int* formats() const noexcept { return formats_.data(); }

 private:
  enum class Format : int { text = 0, binary = 1 };

  // Numbers are encoded into `number`; only what has no binary form here needs `text`.
  struct Slot {
    std::array<char, 8> number;
    std::string text;
  };

  void encode(std::size_t index, ValueView value, Oid type);
  void encode_integer(std::size_t index, std::int64_t value, Oid type);
  void encode_real(std::size_t index, double value, Oid type);
  void encode_characters(std::size_t index, ValueView value, Oid type);
  void encode_timestamp(std::size_t index, Timestamp value, Oid type);

  void put(std::size_t index, const char* data, std::size_t size, Format format);
  template <class T>
  void put_number(std::size_t index, T number);
  void put_text(std::size_t index, std::string_view text);

  std::size_t count_ = 0;
  std::vector<const char*> values_;
  std::vector<int> lengths_;
  std::vector<int> formats_;
  std::vector<Slot> slots_;
};

}  // namespace grant::postgres
