#include "errors.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "driver/failures.hpp"

namespace grant::sqlite {
namespace {

struct Row {
  int native;  // an extended code, or a primary one for all of its kind
  Errc code;
};

// Extended codes are looked up first; what is not here is invalid_argument.
constexpr std::array kTable{
    Row{SQLITE_BUSY_SNAPSHOT, Errc::conflict},  // read first, then wrote: others wrote in between
    Row{SQLITE_ABORT_ROLLBACK, Errc::conflict},
    // The file cannot be read as it stands just now, or has been moved: not a refused write.
    Row{SQLITE_READONLY_DBMOVED, Errc::unavailable},
    Row{SQLITE_READONLY_RECOVERY, Errc::unavailable},
    Row{SQLITE_READONLY_CANTLOCK, Errc::unavailable},
    Row{SQLITE_READONLY_CANTINIT, Errc::unavailable},
    Row{SQLITE_READONLY_ROLLBACK, Errc::unavailable},
    Row{SQLITE_BUSY, Errc::timeout},  // waited as long as it might; nothing was executed
    Row{SQLITE_LOCKED, Errc::conflict},
    Row{SQLITE_INTERRUPT, Errc::timeout},
    Row{SQLITE_CONSTRAINT, Errc::constraint},
    Row{SQLITE_READONLY, Errc::read_only},
    Row{SQLITE_CANTOPEN, Errc::unavailable},
    Row{SQLITE_IOERR, Errc::unavailable},
    Row{SQLITE_FULL, Errc::unavailable},
    Row{SQLITE_NOMEM, Errc::unavailable},
    Row{SQLITE_PROTOCOL, Errc::unavailable},
    Row{SQLITE_SCHEMA, Errc::unavailable},
    Row{SQLITE_NOTADB, Errc::configuration},
    Row{SQLITE_CORRUPT, Errc::configuration},
    Row{SQLITE_PERM, Errc::configuration},
    Row{SQLITE_NOLFS, Errc::configuration},
};

const Row* find_row(int native) noexcept {
  const auto* const found = std::ranges::find(kTable, native, &Row::native);
  return found == kTable.end() ? nullptr : found;
}

bool is_quoted_from(std::string_view part, std::span<const ValueView> params) {
  return std::ranges::any_of(params, [part](ValueView value) {
    const auto kind = value.kind();
    return (kind == ValueKind::text || kind == ValueKind::json || kind == ValueKind::bytes) &&
           value.as_characters().find(part) != std::string_view::npos;
  });
}

/// SQLite doubles a quote inside a quoted text.
std::string undoubled(std::string_view text, char quote) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    out += text[i];
    if (text[i] == quote && i + 1 < text.size() && text[i + 1] == quote) ++i;
  }
  return out;
}

/// Without what is quoted of the SQL: a literal may stand there.
std::string_view without_sql(std::string_view message) noexcept {
  if (message.starts_with("near \"") && message.ends_with(": syntax error")) return "syntax error";
  if (message.starts_with("unrecognized token: ")) return "unrecognized token";
  return message;
}

/// What is SQLite's own, and holds no value.
std::string_view without_words_of_functions(std::string_view message) noexcept {
  constexpr std::array own{"no such ",  "integer overflow",       "malformed JSON",
                           "too many ", "string or blob too big", "statement too long",
                           "cannot "};
  const auto begins = [&](std::string_view each) { return message.starts_with(each); };
  return std::ranges::any_of(own, begins) ? message : "a function or a virtual table has failed";
}

}  // namespace

Errc errc_of(int extended) noexcept {
  const Row* row = find_row(extended);
  if (row == nullptr) row = find_row(extended & 0xff);
  return row == nullptr ? Errc::invalid_argument : row->code;
}

std::optional<int> limit_met(int extended, std::string_view message) noexcept {
  struct Words {
    std::string_view text;
    int limit;
  };
  constexpr std::array words{
      Words{"too many SQL variables", SQLITE_LIMIT_VARIABLE_NUMBER},
      Words{"too many columns", SQLITE_LIMIT_COLUMN},
      Words{"too many terms in compound", SQLITE_LIMIT_COMPOUND_SELECT},
      Words{"too many terms in", SQLITE_LIMIT_COLUMN},
      Words{"too many arguments on function", SQLITE_LIMIT_FUNCTION_ARG},
      Words{"too many attached databases", SQLITE_LIMIT_ATTACHED},
      Words{"statement too long", SQLITE_LIMIT_SQL_LENGTH},
  };
  for (const auto& [text, limit] : words) {
    const bool has_number = message.find("max") != std::string_view::npos;
    if (message.find(text) != std::string_view::npos && !has_number) return limit;
  }
  if ((extended & 0xff) == SQLITE_TOOBIG) return SQLITE_LIMIT_LENGTH;
  return std::nullopt;
}

std::string_view constraint_in(std::string_view message) noexcept {
  constexpr std::string_view mark = "constraint failed: ";
  const auto at = message.find(mark);
  if (at == std::string_view::npos) return {};
  auto name = message.substr(at + mark.size());
  // An index over an expression: UNIQUE constraint failed: index 'users_lower_email'
  if (name.starts_with("index '") && name.ends_with('\'')) name = name.substr(7, name.size() - 8);
  return name;
}

std::string without_values(std::string message, std::span<const ValueView> params) {
  // The longest part first: a quote may itself stand in the value.
  if (const auto colon = message.find(": "); colon != std::string::npos) {
    const auto part = std::string_view(message).substr(colon + 2);
    if (!part.empty() && is_quoted_from(part, params)) {
      message.replace(colon + 2, part.size(), "...");
    }
  }
  for (const char quote : {'\'', '"'}) {
    const auto first = message.find(quote);
    const auto last = message.rfind(quote);
    if (first == last) continue;
    const auto size = last - first - 1;
    const auto part = undoubled(std::string_view(message).substr(first + 1, size), quote);
    if (!part.empty() && is_quoted_from(part, params)) message.replace(first + 1, size, "...");
  }
  return message;
}

std::string told(int extended, std::string_view message, bool runs,
                 std::span<const ValueView> params) {
  if ((extended & 0xff) == SQLITE_CANTOPEN) return sqlite3_errstr(extended);
  if (extended != SQLITE_ERROR) return without_values(std::string(message), params);
  const auto own = runs ? without_words_of_functions(message) : without_sql(message);
  return without_values(std::string(own), params);
}

void throw_at(Errc code, std::string_view node, std::string_view what, int native) {
  auto info = failures::at(node, code, what);
  info.native = native;
  throw_error(std::move(info));
}

void throw_failure(int extended, std::string_view node, std::string_view tried,
                   std::string_view message, std::string_view server_message) {
  // Whatever the author of the trigger made it.
  const bool raised = extended == SQLITE_CONSTRAINT_TRIGGER;
  auto info = failures::at(
      node, errc_of(extended),
      fmt::format("{}: {}", tried, raised ? "a trigger raised an error of its own" : message));
  info.native = extended;
  info.server_message = server_message;
  if (info.code == Errc::constraint) info.constraint = constraint_in(message);
  throw_error(std::move(info));
}

}  // namespace grant::sqlite
