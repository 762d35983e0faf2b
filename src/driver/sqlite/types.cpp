#include <cstddef>
#include <string_view>

#include "types.hpp"

namespace grant::sqlite {
namespace {

/// Whether `text` starts with the upper-case `prefix`, in any case.
bool starts_with_word(std::string_view text, std::string_view prefix) noexcept {
  if (text.size() < prefix.size()) return false;
  for (std::size_t i = 0; i < prefix.size(); ++i) {
    const char c = text[i];
    if ((c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c) != prefix[i]) return false;
  }
  return true;
}

}  // namespace

Declared declared_kind(const char* type) noexcept {
  if (type == nullptr) return Declared::other;
  if (starts_with_word(type, "BOOL")) return Declared::boolean;
  for (const auto* const real : {"REAL", "DOUBLE", "FLOAT"}) {
    if (starts_with_word(type, real)) return Declared::real;
  }
  for (const auto* const decimal : {"DECIMAL", "NUMERIC"}) {
    if (starts_with_word(type, decimal)) return Declared::decimal;
  }
  if (starts_with_word(type, "TIMESTAMP") || starts_with_word(type, "DATETIME")) {
    return Declared::timestamp;
  }
  if (starts_with_word(type, "DATE")) return Declared::date;
  if (starts_with_word(type, "TIME")) return Declared::time;
  if (starts_with_word(type, "UUID")) return Declared::uuid;
  if (starts_with_word(type, "JSON")) return Declared::json;
  return Declared::other;
}

}  // namespace grant::sqlite
