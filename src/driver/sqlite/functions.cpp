#include "functions.hpp"

#include <fmt/format.h>

#include <array>
#include <cstring>
#include <new>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "grant/core/date.hpp"
#include "grant/core/decimal.hpp"
#include "grant/core/timestamp.hpp"
#include "grant/core/uuid.hpp"

namespace grant::sqlite {
namespace {

std::string_view text_of(sqlite3_value* value) {
  const auto* const text = sqlite3_value_text(value);
  const int size = sqlite3_value_bytes(value);
  if (text == nullptr) throw std::bad_alloc();
  return {reinterpret_cast<const char*>(text), static_cast<std::size_t>(size)};
}

std::optional<std::string> timestamp(sqlite3_value* value) {
  if (sqlite3_value_type(value) != SQLITE_TEXT) return std::nullopt;
  const auto time = parse_timestamp(text_of(value));
  return time ? std::optional(format_timestamp(*time)) : std::nullopt;
}

std::optional<std::string> time_of_day(sqlite3_value* value) {
  if (sqlite3_value_type(value) != SQLITE_TEXT) return std::nullopt;
  const auto time = parse_time(text_of(value));
  return time ? std::optional(format_time(*time)) : std::nullopt;
}

std::optional<std::string> uuid(sqlite3_value* value) {
  const int type = sqlite3_value_type(value);
  if (type != SQLITE_TEXT && type != SQLITE_BLOB) return std::nullopt;
  Uuid id;
  const std::size_t size = id.bytes.size();
  if (type == SQLITE_BLOB && static_cast<std::size_t>(sqlite3_value_bytes(value)) == size) {
    std::memcpy(id.bytes.data(), sqlite3_value_blob(value), size);
    return id.to_string();
  }
  const auto parsed = type == SQLITE_TEXT ? Uuid::parse(text_of(value)) : std::nullopt;
  return parsed ? std::optional(parsed->to_string()) : std::nullopt;
}

std::optional<std::string> decimal(sqlite3_value* value) {
  const int type = sqlite3_value_type(value);
  if (type == SQLITE_NULL || type == SQLITE_BLOB) return std::nullopt;
  const auto number =
      Decimal::parse(type == SQLITE_FLOAT ? fmt::format("{}", sqlite3_value_double(value))
                                          : std::string(text_of(value)));
  return number ? std::optional(number->canonical()) : std::nullopt;
}

/// What SQLite calls. No exception may pass through it.
template <std::optional<std::string> (*Function)(sqlite3_value*)>
void call(sqlite3_context* context, int /*count*/, sqlite3_value** arguments) noexcept {
  try {
    const auto text = Function(arguments[0]);
    if (!text) return sqlite3_result_null(context);
    sqlite3_result_text64(context, text->data(), text->size(), SQLITE_TRANSIENT, SQLITE_UTF8);
  } catch (const std::bad_alloc&) {
    sqlite3_result_error_nomem(context);
  }
}

}  // namespace

int add_functions(sqlite3* database) noexcept {
  // Not for views, indices and triggers: other programs could not use the file any more.
  constexpr int flags = SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_DIRECTONLY;
  using Function = void (*)(sqlite3_context*, int, sqlite3_value**);
  constexpr std::array<std::pair<const char*, Function>, 4> functions{
      {{"grant_timestamp", call<timestamp>},
       {"grant_time", call<time_of_day>},
       {"grant_uuid", call<uuid>},
       {"grant_decimal", call<decimal>}}};
  for (const auto& [name, function] : functions) {
    const int code = sqlite3_create_function_v2(database, name, 1, flags, nullptr, function,
                                                nullptr, nullptr, nullptr);
    if (code != SQLITE_OK) return code;
  }
  return SQLITE_OK;
}

}  // namespace grant::sqlite
