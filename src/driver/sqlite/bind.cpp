#include "driver/sqlite/bind.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <string>

#include "driver/sqlite/errors.hpp"
#include "grant/core/timestamp.hpp"

namespace grant::sqlite {
namespace {

/// The length of the UTF-8 sequence at the start of `text`; 0 when it is not one.
std::size_t sequence_length(std::string_view text) noexcept {
  const auto byte = [text](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  if (first < 0x80) return 1;
  const std::size_t length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  if (first < 0xC2 || first > 0xF4 || text.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return 0;
  }
  const unsigned char second = byte(1);
  const bool overlong = (first == 0xE0 && second < 0xA0) || (first == 0xF0 && second < 0x90);
  const bool surrogate = first == 0xED && second > 0x9F;
  const bool beyond = first == 0xF4 && second > 0x8F;
  return overlong || surrogate || beyond ? 0 : length;
}

bool is_utf8(std::string_view text) noexcept {
  while (!text.empty()) {
    const auto length = sequence_length(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

/// SQLite takes a null pointer for null.
const char* never_null(std::string_view text) noexcept { return text.empty() ? "" : text.data(); }

[[noreturn]] void refuse(int number, std::string_view node, std::string_view what) {
  throw_at(Errc::invalid_argument, node, fmt::format("parameter ${} {}", number, what));
}

int bind_text(sqlite3_stmt* statement, int index, std::string_view text,
              sqlite3_destructor_type lifetime) {
  return sqlite3_bind_text64(statement, index, never_null(text), text.size(), lifetime,
                             SQLITE_UTF8);
}

int bind_one(sqlite3_stmt* statement, int index, ValueView value, int number,
             std::string_view node) {
  switch (value.kind()) {
    case ValueKind::null: return sqlite3_bind_null(statement, index);
    case ValueKind::boolean: return sqlite3_bind_int(statement, index, value.as_boolean() ? 1 : 0);
    case ValueKind::integer: return sqlite3_bind_int64(statement, index, value.as_integer());
    case ValueKind::real:
      if (std::isnan(value.as_real())) refuse(number, node, "is NaN, which SQLite cannot store");
      return sqlite3_bind_double(statement, index, value.as_real());
    case ValueKind::text:
    case ValueKind::json: {
      const auto text = value.as_characters();
      if (text.find('\0') != std::string_view::npos) {
        refuse(number, node, "is text with a NUL character: bind it as bytes");
      }
      if (!is_utf8(text)) refuse(number, node, "is text that is not valid UTF-8");
      return bind_text(statement, index, text, SQLITE_STATIC);
    }
    case ValueKind::bytes: {
      const auto bytes = value.as_characters();
      return sqlite3_bind_blob64(statement, index, never_null(bytes), bytes.size(), SQLITE_STATIC);
    }
    case ValueKind::timestamp:
      return bind_text(statement, index, format_timestamp(value.as_timestamp()), SQLITE_TRANSIENT);
  }
  return SQLITE_MISUSE;
}

int placeholder_number(std::string_view name, std::string_view node) {
  int number = 0;
  const char* const end = name.data() + name.size();
  const auto [stop, error] = std::from_chars(name.data() + 1, end, number);
  if (error != std::errc() || stop != end || number < 1) {
    throw_at(Errc::invalid_argument, node,
             fmt::format("placeholder \"{}\" is not one of $1, $2, ...", name));
  }
  return number;
}

}  // namespace

Placeholders placeholders_of(sqlite3_stmt* statement, std::string_view node) {
  Placeholders found;
  bool dollars = false;
  bool questions = false;
  const int variables = sqlite3_bind_parameter_count(statement);
  for (int index = 1; index <= variables; ++index) {
    const char* const name = sqlite3_bind_parameter_name(statement, index);
    // Without a name: "?", or a number that "?n" left out.
    const int number = name == nullptr ? index : placeholder_number(name, node);
    (name != nullptr && name[0] != '?' ? dollars : questions) = true;
    found.numbers.push_back(number);
    found.count = std::max(found.count, number);
  }
  if (dollars && questions) {
    throw_at(Errc::invalid_argument, node, "the statement mixes placeholders $1 and ?");
  }
  return found;
}

void bind(sqlite3_stmt* statement, const Placeholders& placeholders,
          std::span<const ValueView> params, std::string_view node) {
  if (params.size() != static_cast<std::size_t>(placeholders.count)) {
    throw_at(Errc::invalid_argument, node,
             fmt::format("the statement takes {} parameters and was given {}", placeholders.count,
                         params.size()));
  }
  int index = 0;
  for (const int number : placeholders.numbers) {
    const auto value = params[static_cast<std::size_t>(number - 1)];
    const int code = bind_one(statement, ++index, value, number, node);
    if (code != SQLITE_OK) {
      throw_failure(code, node, fmt::format("cannot bind parameter ${}", number),
                    sqlite3_errstr(code));
    }
  }
}

}  // namespace grant::sqlite
