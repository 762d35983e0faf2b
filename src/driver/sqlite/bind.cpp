#include "driver/sqlite/bind.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <string>

#include "core/utf8.hpp"
#include "driver/sqlite/errors.hpp"
#include "grant/core/timestamp.hpp"

namespace grant::sqlite {
namespace {

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
      if (const auto bad = first_bad_byte(text); bad != std::string_view::npos) {
        refuse(number, node,
               text[bad] == '\0' ? "is text with a NUL character: bind it as bytes"
                                 : "is text that is not valid UTF-8");
      }
      return bind_text(statement, index, text, SQLITE_STATIC);
    }
    case ValueKind::bytes: {
      const auto bytes = value.as_characters();
      return sqlite3_bind_blob64(statement, index, never_null(bytes), bytes.size(), SQLITE_STATIC);
    }
    case ValueKind::timestamp:
      return bind_text(statement, index, format_timestamp(value.as_timestamp()), SQLITE_TRANSIENT);
    default: refuse(number, node, fmt::format("is a value of kind {}", to_string(value.kind())));
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
