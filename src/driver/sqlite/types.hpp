#pragma once

namespace grant::sqlite {

/// What a column was declared as, where that says more than the stored value does.
enum class Declared : unsigned char {
  other,
  boolean,
  real,
  decimal,
  date,
  time,
  timestamp,
  uuid,
  json,
};

/// The kind for a declared type such as "BOOLEAN" or "timestamp with time zone"; null: no type.
[[nodiscard]] Declared declared_kind(const char* type) noexcept;

}  // namespace grant::sqlite
