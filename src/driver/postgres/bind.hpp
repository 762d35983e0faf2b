#pragma once

#include <span>
#include <vector>

#include "encode.hpp"

namespace grant::postgres {

/// The parameters of one statement, as the protocol counts them.
inline constexpr std::size_t kMostParameters = 65'535;

/// Before the server is asked about a statement with these. Errors: invalid_argument.
void refuse_too_many(std::span<const ValueView> params);

/// Puts the values of one statement into the form that libpq sends. Keeps its memory from one
/// statement to the next.
class Binder {
 public:
  /// Frees what large values of the last statement took.
  void trim();

  /// Encodes `values` for placeholders of `types`. What values() points to is valid until the next
  /// call and while the values live. Errors: invalid_argument, naming the placeholder, its type and
  /// the limit, never the value.
  void bind(std::span<const ValueView> values, std::span<const Oid> types);

  [[nodiscard]] int count() const noexcept { return static_cast<int>(count_); }
  [[nodiscard]] const char* const* values() const noexcept { return values_.data(); }
  [[nodiscard]] const int* lengths() const noexcept { return lengths_.data(); }
  [[nodiscard]] const int* formats() const noexcept { return formats_.data(); }

 private:
  std::size_t count_ = 0;
  std::size_t scratch_bytes_ = 0;  // that it may have grown to
  std::vector<const char*> values_;
  std::vector<int> lengths_;
  std::vector<int> formats_;
  std::vector<Scratch> scratch_;
};

}  // namespace grant::postgres
