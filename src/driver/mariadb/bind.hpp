#pragma once

#include <array>
#include <span>
#include <string_view>
#include <vector>

#include "driver/place.hpp"
#include "types.hpp"

namespace grant::mariadb {

/// Puts the values of one statement into the form that libmariadb sends. Keeps its memory from one
/// statement to the next.
class Binder {
 public:
  /// Encodes, for each place in `order`, the value that stands there. What data() points to is
  /// valid until the next call and while the values live. Errors: invalid_argument when there are
  /// not `parameters` values, or naming the placeholder, never the value.
  void bind(std::span<const ValueView> values, std::span<const std::size_t> order,
            std::size_t parameters);

  /// The same for a row, the `number`th from 0 on, with a value for each of `columns`.
  void bind_row(std::span<const ValueView> row, std::size_t number,
                std::span<const std::string_view> columns);

  /// Frees what a statement of very many values has taken, once it was sent.
  void trim();

  [[nodiscard]] MYSQL_BIND* data() noexcept { return binds_.data(); }

  /// How many bytes the message that runs the statement with these values takes at least; times and
  /// numbers are counted as one byte each.
  [[nodiscard]] std::size_t message_size() const noexcept;

 private:
  // What one bind points to when it is not the caller's text.
  union Scalar {
    signed char boolean;
    long long integer;
    double real;
    MYSQL_TIME time;
    std::array<char, 36> uuid;
  };

  void encode(std::size_t slot, Place place, ValueView value);

  std::vector<MYSQL_BIND> binds_;
  std::vector<Scalar> scalars_;
};

}  // namespace grant::mariadb
