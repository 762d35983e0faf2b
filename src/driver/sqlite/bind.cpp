#include "bind.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cmath>
#include <string>

#include "core/utf8.hpp"
#include "errors.hpp"
#include "grant/core/date.hpp"
#include "grant/core/decimal.hpp"
#include "grant/core/timestamp.hpp"

namespace grant::sqlite {
namespace {

/// SQLite takes a null pointer for null.
const char* never_null(std::string_view text) noexcept { return text.empty() ? "" : text.data(); }

int bind_text(sqlite3_stmt* statement, int index, std::string_view text,
              sqlite3_destructor_type lifetime) {
  return sqlite3_bind_text64(statement, index, never_null(text), text.size(), lifetime,
                             SQLITE_UTF8);
}

// Text of four-digit years sorts as time does, and is what can be read back.
constexpr std::string_view kOutsideWrittenYears = "lies outside the years 0 to 9999";

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

[[noreturn]] void refuse_param(int number, std::string_view node, std::string_view why,
                               int native = 0) {
  ErrorInfo info;
  info.code = Errc::invalid_argument;
  info.message = fmt::format("node \"{}\": parameter ${} {}", node, number, why);
  info.node = node;
  info.native = native;
  info.parameter = static_cast<std::size_t>(number);
  throw_error(std::move(info));
}

}  // namespace

std::string_view refusal_of(ValueView value) noexcept {
  switch (value.kind()) {
    case ValueKind::unsigned_integer:
      return "is an integer beyond 9223372036854775807, the largest that SQLite has";
    case ValueKind::array: return "is an array, which SQLite does not have";
    case ValueKind::real:
      return std::isnan(value.as_real()) ? "is NaN, which SQLite cannot store" : "";
    case ValueKind::text:
    case ValueKind::json: {
      const auto text = value.as_characters();
      const auto bad = first_bad_byte(text);
      if (bad == std::string_view::npos) return "";
      return text[bad] == '\0' ? "is text with a NUL character: bind it as bytes"
                               : "is text that is not valid UTF-8";
    }
    case ValueKind::time: {
      const auto time = value.as_time().since_midnight;
      return time < std::chrono::hours(0) || time > std::chrono::hours(24)
                 ? "is a time that is not between 0 and 24 hours"
                 : "";
    }
    case ValueKind::date: return is_in_written_years(value.as_date()) ? "" : kOutsideWrittenYears;
    case ValueKind::timestamp:
      return is_in_written_years(std::chrono::floor<std::chrono::days>(value.as_timestamp()))
                 ? ""
                 : kOutsideWrittenYears;
    default: return "";
  }
}

int bind_value(sqlite3_stmt* statement, int index, ValueView value) {
  const auto bind_copy = [&](const std::string& text) {
    return bind_text(statement, index, text, SQLITE_TRANSIENT);
  };
  switch (value.kind()) {
    case ValueKind::null: return sqlite3_bind_null(statement, index);
    case ValueKind::boolean: return sqlite3_bind_int(statement, index, value.as_boolean() ? 1 : 0);
    case ValueKind::integer: return sqlite3_bind_int64(statement, index, value.as_integer());
    case ValueKind::real: return sqlite3_bind_double(statement, index, value.as_real());
    case ValueKind::text:
    case ValueKind::json: return bind_text(statement, index, value.as_characters(), SQLITE_STATIC);
    case ValueKind::decimal: return bind_copy(Decimal(value.as_characters()).canonical());
    case ValueKind::bytes: {
      const auto bytes = value.as_characters();
      return sqlite3_bind_blob64(statement, index, never_null(bytes), bytes.size(), SQLITE_STATIC);
    }
    case ValueKind::date: return bind_copy(format_date(value.as_date()));
    case ValueKind::time: return bind_copy(format_time(value.as_time()));
    case ValueKind::timestamp: return bind_copy(format_timestamp(value.as_timestamp()));
    case ValueKind::uuid: return bind_copy(value.as_uuid().to_string());
    case ValueKind::unsigned_integer:
    case ValueKind::array: break;
  }
  return SQLITE_MISUSE;
}

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

void bind_params(sqlite3_stmt* statement, const Placeholders& placeholders,
                 std::span<const ValueView> params, std::string_view node) {
  if (params.size() != static_cast<std::size_t>(placeholders.count)) {
    throw_at(Errc::invalid_argument, node,
             fmt::format("the statement takes {} parameters and was given {}", placeholders.count,
                         params.size()));
  }
  int index = 0;
  for (const int number : placeholders.numbers) {
    const auto value = params[static_cast<std::size_t>(number - 1)];
    if (const auto refusal = refusal_of(value); !refusal.empty()) {
      refuse_param(number, node, refusal);
    }
    const int code = bind_value(statement, ++index, value);
    if (code == SQLITE_TOOBIG) {
      refuse_param(
          number, node,
          fmt::format("takes {} bytes, and SQLite holds no more than {}",
                      value.as_characters().size(),
                      sqlite3_limit(sqlite3_db_handle(statement), SQLITE_LIMIT_LENGTH, -1)),
          code);
    }
    if (code != SQLITE_OK) {
      throw_failure(code, node, fmt::format("cannot bind parameter ${}", number),
                    sqlite3_errstr(code));
    }
  }
}

}  // namespace grant::sqlite
