#include "effects.hpp"

#include <algorithm>
#include <array>
#include <initializer_list>

#include "driver/words.hpp"
#include "lexer.hpp"

namespace grant::mariadb {
namespace {

using driver::is_word;
using driver::Words;

bool is_any(std::string_view word, std::initializer_list<std::string_view> upper) noexcept {
  return std::ranges::any_of(upper, [&](auto known) { return is_word(word, known); });
}

/// The words of `sql` from the first that is not in a comment before it.
Words words_of(std::string_view sql) {
  const auto first = first_word(sql);
  Words words(sql);
  if (first.empty()) return words;
  for (auto before = words;; before = words) {
    const auto word = words.next();
    if (word.empty()) return words;
    if (is_word(word.substr(0, first.size()), first)) return before;
  }
}

}  // namespace

Commits commits(std::string_view sql) {
  auto words = words_of(sql);
  auto first = words.next();
  auto second = words.next();
  if (is_word(first, "SET") && is_word(second, "STATEMENT")) {
    for (auto word = second; !word.empty(); word = words.next()) {
      if (is_word(word, "FOR")) {
        first = words.next();
        second = words.next();
        break;
      }
    }
  }
  if (is_any(first,
             {"CALL", "EXECUTE", "IF", "CASE", "WHILE", "LOOP", "REPEAT", "FOR", "DECLARE"}) ||
      (is_word(first, "BEGIN") && is_word(second, "NOT"))) {
    return Commits::within;
  }
  if (is_any(first, {"COMMIT", "ROLLBACK", "BEGIN", "XA"})) return Commits::control;
  if (is_word(first, "START")) {
    return is_word(second, "TRANSACTION") ? Commits::control : Commits::itself;
  }
  if (is_any(first,
             {"ALTER",    "CREATE",    "DROP",  "RENAME", "TRUNCATE", "GRANT", "REVOKE", "ANALYZE",
              "OPTIMIZE", "REPAIR",    "CHECK", "CACHE",  "FLUSH",    "RESET", "LOCK",   "UNLOCK",
              "INSTALL",  "UNINSTALL", "LOAD",  "STOP",   "CHANGE",   "BACKUP"})) {
    return Commits::itself;
  }
  if (is_word(first, "SET")) {
    for (auto word = second; !word.empty(); word = words.next()) {
      if (is_any(word, {"AUTOCOMMIT", "PASSWORD"})) return Commits::itself;
    }
  }
  return Commits::never;
}

TransactionEnd end_by(std::string_view sql) {
  if (commits(sql) == Commits::within) return TransactionEnd::unknown;
  return first_word(sql) == "ROLLBACK" ? TransactionEnd::rolled_back : TransactionEnd::committed;
}

bool is_query(std::string_view sql) {
  const auto word = first_word(sql);
  return word == "SELECT" || word == "WITH" || word == "SHOW" || word == "TABLE" ||
         word == "VALUES" || word == "DESCRIBE" || word == "DESC" || word == "EXPLAIN";
}

bool is_about_transaction(std::string_view sql) {
  constexpr std::array<std::string_view, 7> commands{"BEGIN",     "START",   "COMMIT", "ROLLBACK",
                                                     "SAVEPOINT", "RELEASE", "XA"};
  return std::ranges::find(commands, first_word(sql)) != commands.end();
}

bool locks_rows(std::string_view sql) {
  Words words(sql);
  std::string_view before;
  for (auto word = words.next(); !word.empty(); before = word, word = words.next()) {
    if (is_word(before, "FOR") && is_word(word, "UPDATE")) return true;
    if (is_word(before, "SHARE") && is_word(word, "MODE")) return true;
  }
  return false;
}

bool moves_sequence(std::string_view sql) {
  Words words(sql);
  std::string_view before;
  for (auto word = words.next(); !word.empty(); before = word, word = words.next()) {
    if (is_any(word, {"NEXTVAL", "SETVAL"})) return true;
    const bool next_value = is_word(before, "NEXT") && is_word(word, "VALUE");
    if (next_value && is_word(Words(words).next(), "FOR")) return true;
  }
  return false;
}

bool may_call_stored(std::string_view sql) {
  // A quoted name may be that of a function.
  if (sql.find('`') != std::string_view::npos) return true;
  Words words(sql);
  for (auto word = words.next(); !word.empty(); word = words.next()) {
    auto rest = words.rest();
    const auto next = rest.find_first_not_of(" \t\r\n");
    if (next == std::string_view::npos) continue;
    if (rest[next] == '"') {
      const auto end = rest.find('"', next + 1);
      if (end == std::string_view::npos) continue;
      rest.remove_prefix(end + 1);
      if (rest.starts_with("(")) return true;
      continue;
    }
    if (rest[next] != '(') continue;
    if (!is_any(word, {"SELECT", "FROM",   "WHERE",  "AND",    "OR",       "NOT",      "IN",
                       "ON",     "AS",     "BY",     "HAVING", "UNION",    "ALL",      "JOIN",
                       "USING",  "OVER",   "VALUES", "EXISTS", "COUNT",    "SUM",      "MIN",
                       "MAX",    "AVG",    "LOWER",  "UPPER",  "COALESCE", "CONCAT",   "LENGTH",
                       "IFNULL", "NULLIF", "ABS",    "ROUND",  "NOW",      "CAST",     "IF",
                       "THEN",   "ELSE",   "WHEN",   "LIKE",   "BETWEEN",  "DISTINCT", "DATE"})) {
      return true;
    }
  }
  return false;
}

bool is_another_transaction(std::string_view before, std::string_view after) noexcept {
  for (std::size_t i = 0; i < std::min(before.size(), after.size()); ++i) {
    if (before[i] != '_' && after[i] == '_') return true;
  }
  return false;
}

driver::SchemaEffect effect_of(std::string_view sql) {
  const auto first = first_word(sql);
  driver::Words words(sql);
  if (first == "CREATE" || first == "ALTER" || first == "DROP" || first == "RENAME") {
    for (auto word = words.next(); !word.empty(); word = words.next()) {
      if (driver::is_word(word, "TEMPORARY")) return driver::SchemaEffect::session;
      if (driver::is_word(word, "TABLE")) break;
    }
    return driver::SchemaEffect::everyone;
  }
  if (first != "SET") return driver::SchemaEffect::none;
  // It decides what quotes and backslashes mean, and so where the placeholders are.
  for (auto word = words.next(); !word.empty(); word = words.next()) {
    if (driver::is_word(word, "SQL_MODE")) return driver::SchemaEffect::session;
  }
  return driver::SchemaEffect::none;
}

}  // namespace grant::mariadb
