#include "errors.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace grant::postgres {
namespace {

struct Rule {
  std::string_view prefix;  // of the SQLSTATE
  Errc code;
};

// The first match decides. What is not here is the caller's to fix: invalid_argument.
constexpr std::array rules{
    Rule{"08", Errc::outcome_unknown},  // a proxy lost its server
    Rule{"23", Errc::constraint},
    Rule{"25006", Errc::read_only},
    Rule{"40002", Errc::constraint},
    Rule{"40003", Errc::outcome_unknown},
    Rule{"40", Errc::conflict},  // also a query that a standby ended in favour of replay
    Rule{"44", Errc::constraint},
    Rule{"53", Errc::unavailable},  // out of connections, memory or disk
    Rule{"55P03", Errc::timeout},   // lock_timeout or NOWAIT
    Rule{"57014", Errc::timeout},   // statement_timeout; the other cause is told apart below
    Rule{"57P", Errc::unavailable},
    Rule{"58", Errc::unavailable},  // the node's operating system failed it
    Rule{"XX", Errc::unavailable},  // the node is damaged
};

// Everything else, no SQLSTATE included, may pass: the node is unavailable.
constexpr std::array connect_rules{
    Rule{"0A", Errc::configuration},     // a protocol or an option that the server does not have
    Rule{"22", Errc::configuration},     // a bad value for a setting in `options`
    Rule{"28", Errc::configuration},     // password, user, pg_hba.conf
    Rule{"3D000", Errc::configuration},  // no such database
    Rule{"42", Errc::configuration},     // no CONNECT privilege; `options` that are none
    Rule{"55000", Errc::configuration},  // a database that takes no connections
};

std::string_view field(const PGresult* result, int code) {
  const char* text = PQresultErrorField(result, code);
  return text != nullptr ? std::string_view(text) : std::string_view{};
}

bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

struct Condition {
  std::string_view sqlstate;
  std::string_view name;
};

// Of class 22, whose texts are about the data. Source: the PostgreSQL manual, appendix A.
constexpr std::array kDataExceptions{
    Condition{"22001", "the value is too long for its type"},
    Condition{"22003", "the number is out of its type's range"},
    Condition{"22004", "null is not allowed there"},
    Condition{"22007", "the text is no date or time"},
    Condition{"22008", "the date or time is out of range"},
    Condition{"22009", "the time zone is out of range"},
    Condition{"22011", "the substring is none"},
    Condition{"22012", "division by zero"},
    Condition{"22021", "the text is not in the encoding of the session"},
    Condition{"22023", "the value is not allowed there"},
    Condition{"22025", "the escape sequence is none"},
    Condition{"2201B", "the regular expression is none"},
    Condition{"22030", "the JSON object has a key twice"},
    Condition{"22032", "the text is no JSON"},
    Condition{"22P01", "the number cannot be computed"},
    Condition{"22P02", "the text is no value of its type"},
    Condition{"22P03", "the bytes are no value of their type"},
    Condition{"22P04", "the rows to copy are not as they should be"},
    Condition{"22P05", "the character is not in the encoding of the database"},
};

/// The classes whose texts name what is in the catalogue, and no data.
constexpr std::array<std::string_view, 33> kAboutTheSchema{
    "00", "01", "02", "08", "09", "0A", "0B", "0L", "0P", "20", "21",
    "23", "24", "25", "26", "27", "28", "2B", "2D", "2F", "34", "3B",
    "3D", "3F", "40", "42", "44", "53", "54", "55", "57", "58", "XX"};

/// Those of them that say that what was named is not there, or not what it should be. A name may
/// stand in the statement, or in a value that a function takes for a name.
constexpr std::array<std::string_view, 7> kAboutNames{"26", "34", "3D", "3F", "42", "55000", "58"};

/// What may be told of an error to everybody. The server's own text is: by its code it names what
/// is in the catalogue, and the server has made it itself.
std::string told(const PGresult* failed, std::string_view message, std::string_view sqlstate,
                 bool has_values) {
  const auto routine = field(failed, PG_DIAG_SOURCE_FUNCTION);
  const auto position = field(failed, PG_DIAG_STATEMENT_POSITION);
  if (routine == "exec_stmt_raise" || sqlstate.starts_with("P0")) {
    return fmt::format("a function or a trigger raised an error of its own ({})", sqlstate);
  }
  if (sqlstate.starts_with("22")) {
    const auto* const known = std::ranges::find(kDataExceptions, sqlstate, &Condition::sqlstate);
    return fmt::format(
        "the server refuses a value ({}): {}", sqlstate,
        known == kDataExceptions.end() ? "the data is not as it should be" : known->name);
  }
  // It quotes the statement, and whatever was written into that.
  if (sqlstate == "42601") {
    return position.empty() ? "syntax error"
                            : fmt::format("syntax error at character {}", position);
  }
  const bool names_only =
      std::ranges::find(kAboutTheSchema, sqlstate.substr(0, 2)) != kAboutTheSchema.end();
  if (!names_only) return fmt::format("an error of its own kind ({})", sqlstate);
  const bool about_names = std::ranges::any_of(
      kAboutNames, [&](std::string_view each) { return sqlstate.starts_with(each); });
  if (about_names && !field(failed, PG_DIAG_INTERNAL_QUERY).empty()) {
    return fmt::format("a statement that a function made does not fit what there is ({})",
                       sqlstate);
  }
  if (about_names && has_values && position.empty() && sqlstate != "42501") {
    return fmt::format("a value names what is not there, or is not what it should be ({})",
                       sqlstate);
  }
  return message.empty() ? fmt::format("an error without a text ({})", sqlstate)
                         : std::string(message);
}

/// `text` without the values that named something: `relation "..." does not exist`.
std::string without_values(std::string text, std::span<const ValueView> params) {
  for (const ValueView param : params) {
    if (param.kind() != ValueKind::text || param.as_characters().empty()) continue;
    const std::string quoted = fmt::format("\"{}\"", param.as_characters());
    if (const auto at = text.find(quoted); at != std::string::npos) {
      text.replace(at, quoted.size(), "\"...\"");
    }
  }
  return text;
}

/// All that the server says in words.
std::string all_words(const PGresult* failed) {
  std::string words;
  for (const int code : {PG_DIAG_MESSAGE_PRIMARY, PG_DIAG_MESSAGE_DETAIL, PG_DIAG_MESSAGE_HINT}) {
    const auto text = field(failed, code);
    if (text.empty()) continue;
    if (!words.empty()) words += "; ";
    words += text;
  }
  return words;
}

/// The server's words for a type, a table or a function that was dropped by others while it, or
/// what was prepared, was still using it. No part of the node is damaged then.
bool names_what_is_gone(std::string_view message) {
  return message.starts_with("cache lookup failed for ") ||
         message.starts_with("could not open relation with OID ") ||
         message.starts_with("tuple concurrently ");
}

/// Where `text` has `  28P01: `, as verbose messages do: the five characters; else npos.
std::size_t find_sqlstate(std::string_view text) {
  const auto is_code = [](char c) { return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z'); };
  for (auto at = text.find(":  "); at != std::string_view::npos; at = text.find(":  ", at + 1)) {
    const auto code = text.substr(at + 3, 5);
    if (code.size() == 5 && std::ranges::all_of(code, is_code) &&
        text.substr(at + 8).starts_with(": ")) {
      return at + 3;
    }
  }
  return std::string_view::npos;
}

}  // namespace

Errc code_for(std::string_view sqlstate, std::string_view message) noexcept {
  if (sqlstate == "XX000" && names_what_is_gone(message)) return Errc::conflict;
  if (sqlstate == "57014" && contains(message, "user request")) return Errc::cancelled;
  for (const Rule& rule : rules) {
    if (sqlstate.starts_with(rule.prefix)) return rule.code;
  }
  return Errc::invalid_argument;
}

Errc code_for_connect(std::string_view sqlstate, std::string_view message) noexcept {
  for (const Rule& rule : connect_rules) {
    if (sqlstate.starts_with(rule.prefix)) return rule.code;
  }
  // A pooler, in a class that is for broken servers.
  if (contains(message, "unsupported startup parameter")) return Errc::configuration;
  // libpq has no codes for what it finds wrong itself.
  if (sqlstate.empty() &&
      (message.starts_with("invalid ") || contains(message, "certificate") ||
       contains(message, "does not support SSL") || contains(message, "no password supplied"))) {
    return Errc::configuration;
  }
  return Errc::unavailable;
}

ErrorInfo server_error(const PGresult* failed, std::string_view node,
                       std::span<const ValueView> params, bool has_values) {
  const auto sqlstate = sqlstate_of(failed);
  const auto message = field(failed, PG_DIAG_MESSAGE_PRIMARY);
  ErrorInfo info;
  info.code = code_for(sqlstate, message);
  info.sqlstate = sqlstate;
  info.node = node;
  // The server's detail would quote the row. Not-null rules have no name, only a column.
  const auto column = field(failed, PG_DIAG_COLUMN_NAME);
  const auto table = field(failed, PG_DIAG_TABLE_NAME);
  info.constraint = field(failed, PG_DIAG_CONSTRAINT_NAME);
  info.server_message = all_words(failed);
  const auto words = told(failed, message, sqlstate, has_values);
  info.message = fmt::format("node \"{}\": {}", node, without_values(words, params));
  if (!table.empty() && !contains(info.message, fmt::format("\"{}\"", table))) {
    info.message += fmt::format(" (table \"{}\")", table);
  }
  if (!column.empty() && !contains(info.message, fmt::format("\"{}\"", column))) {
    info.message += fmt::format(" (column \"{}\")", column);
  }
  // A new transaction prepares anew.
  if (staleness_of(failed, {}) > Staleness::perhaps) info.code = Errc::conflict;
  return info;
}

ErrorInfo connect_error(std::string_view text, std::string_view node) {
  // One attempt may try several addresses, each with its own line: the last says most. Lines that
  // start otherwise explain, or give a place in the server's source.
  std::string message;
  std::string sqlstate;
  while (!text.empty()) {
    const auto end = text.find('\n');
    const auto line = text.substr(0, end);
    text = end == std::string_view::npos ? std::string_view{} : text.substr(end + 1);
    if (line.empty() || line[0] == '\t' || line.starts_with("LOCATION:") ||
        line.starts_with("DETAIL:") || line.starts_with("HINT:")) {
      continue;
    }
    if (!message.empty()) message += "; ";
    const auto code = find_sqlstate(line);
    if (code == std::string_view::npos) {
      message += line;
    } else {
      sqlstate = line.substr(code, 5);
      message.append(line.substr(0, code - 1)).append(line.substr(code + 7));
    }
  }
  ErrorInfo info;
  info.code = code_for_connect(sqlstate, message);
  info.message = fmt::format("node \"{}\": cannot connect: {}", node, message);
  info.sqlstate = sqlstate;
  info.node = node;
  return info;
}

bool is_full(const ErrorInfo& failure) noexcept { return failure.sqlstate == "53300"; }

std::string_view sqlstate_of(const PGresult* result) noexcept {
  return field(result, PG_DIAG_SQLSTATE);
}

Staleness staleness_of(const ErrorSigns& signs, std::string_view prefix) noexcept {
  const auto sqlstate = signs.sqlstate;
  // A type that has been made anew is missed when a value of it is read.
  if (sqlstate == "XX000" && names_what_is_gone(signs.message)) return Staleness::perhaps;
  constexpr std::array<std::string_view, 4> misfits{"22003", "22007", "22P02", "22P03"};
  if (std::ranges::find(misfits, sqlstate) != misfits.end()) return Staleness::types;
  if (signs.inside_something) return Staleness::none;
  if (sqlstate == "26000") {
    // Of another name it is the user's own.
    return contains(signs.message, prefix) ? Staleness::lost : Staleness::none;
  }
  if (sqlstate == "0A000") {
    return signs.function == "RevalidateCachedQuery" ? Staleness::changed : Staleness::none;
  }
  if (sqlstate == "42501") return Staleness::none;  // privileges are looked at each time
  return sqlstate.starts_with("42") ? Staleness::perhaps : Staleness::none;
}

Staleness staleness_of(const PGresult* failed, std::string_view prefix) noexcept {
  return staleness_of({.sqlstate = sqlstate_of(failed),
                       .message = field(failed, PG_DIAG_MESSAGE_PRIMARY),
                       .function = field(failed, PG_DIAG_SOURCE_FUNCTION),
                       .inside_something = !field(failed, PG_DIAG_CONTEXT).empty()},
                      prefix);
}

bool refuses_guarded(std::string_view sqlstate) noexcept {
  // A read-only transaction; not in a transaction; not in one that a procedure did not begin.
  return sqlstate == "25006" || sqlstate == "25001" || sqlstate == "2D000";
}

bool is_farewell(const PGresult* failed) noexcept {
  const char* const severity = PQresultErrorField(failed, PG_DIAG_SEVERITY_NONLOCALIZED);
  return severity != nullptr &&
         (severity == std::string_view("FATAL") || severity == std::string_view("PANIC"));
}

std::string_view first_line(std::string_view text) noexcept {
  return text.substr(0, text.find('\n'));
}

}  // namespace grant::postgres
