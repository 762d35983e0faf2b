#include "effects.hpp"

#include <algorithm>
#include <array>
#include <initializer_list>
#include <utility>

#include "driver/words.hpp"

namespace grant::postgres {
namespace {

using driver::is_word;
using driver::SchemaEffect;
using driver::Words;

/// The search path follows the role, where it names `$user`.
constexpr std::array<std::string_view, 5> kPaths{"SEARCH_PATH", "SCHEMA", "ROLE", "AUTHORIZATION",
                                                 "SESSION_AUTHORIZATION"};

bool is_path(std::string_view word) noexcept {
  return std::ranges::any_of(kPaths, [&](auto path) { return is_word(word, path); });
}

bool is_temporary(std::string_view word) noexcept {
  return is_word(word, "TEMP") || is_word(word, "TEMPORARY");
}

bool makes_temporary(std::string_view sql) noexcept {
  Words words(sql);
  std::string_view before;
  for (auto word = words.next(); !word.empty(); word = words.next()) {
    if (is_temporary(word) &&
        (is_word(before, "CREATE") || is_word(before, "REPLACE") || is_word(before, "INTO") ||
         is_word(before, "LOCAL") || is_word(before, "GLOBAL"))) {
      return true;
    }
    before = word;
  }
  return false;
}

bool mentions_path(std::string_view sql) noexcept {
  Words words(sql);
  for (auto word = words.next(); !word.empty(); word = words.next()) {
    if (is_path(word) || is_word(word, "ALL")) return true;
  }
  return false;
}

/// Whether the first argument in `arguments`, which follow set_config, is or may be a search path.
bool sets_path(std::string_view arguments) noexcept {
  const auto open = arguments.find_first_not_of(" \t\r\n\f(");
  if (open == std::string_view::npos) return false;
  if (arguments[open] != '\'') return true;  // a parameter, or an expression
  return is_path(Words(arguments.substr(open)).next());
}

bool is_any(std::string_view word, std::initializer_list<std::string_view> upper) noexcept {
  return std::ranges::any_of(upper, [&](auto known) { return is_word(word, known); });
}

/// `sql` from its first word on.
std::string_view without_comments_before(std::string_view sql) noexcept {
  while (!sql.empty()) {
    if (sql.starts_with("--")) {
      sql.remove_prefix(std::min(sql.find('\n'), sql.size()));
    } else if (sql.starts_with("/*")) {
      int depth = 0;  // they nest
      do {
        const bool opens = sql.starts_with("/*");
        const bool closes = sql.starts_with("*/");
        depth += opens ? 1 : closes ? -1 : 0;
        sql.remove_prefix(opens || closes ? 2 : 1);
      } while (depth > 0 && !sql.empty());
    } else if (std::string_view(" \t\r\n\f\v;(").find(sql[0]) != std::string_view::npos) {
      sql.remove_prefix(1);
    } else {
      break;
    }
  }
  return sql;
}

}  // namespace

SchemaEffect effect_of(std::string_view tag, std::string_view sql) noexcept {
  if (tag.starts_with("CREATE ")) {
    return makes_temporary(sql) ? SchemaEffect::session : SchemaEffect::everyone;
  }
  if (tag.starts_with("ALTER ") || tag.starts_with("DROP ") || tag.starts_with("IMPORT ") ||
      tag == "DO" || tag == "COMMIT PREPARED") {
    return SchemaEffect::everyone;
  }
  if (tag == "SET" || tag == "RESET") {
    return mentions_path(sql) ? SchemaEffect::session : SchemaEffect::none;
  }
  return tag.starts_with("DISCARD") ? SchemaEffect::session : SchemaEffect::none;
}

bool moves_names(std::string_view sql) noexcept {
  Words words(sql);
  for (auto word = words.next(); !word.empty(); word = words.next()) {
    if (is_word(word, "SET_CONFIG") && sets_path(words.rest())) return true;
  }
  return makes_temporary(sql);
}

bool settles_transaction(std::string_view tag) noexcept {
  return tag == "COMMIT" || tag == "ROLLBACK" || tag == "PREPARE TRANSACTION";
}

bool may_commit(std::string_view sql) noexcept {
  Words words(without_comments_before(sql));
  const auto first = words.next();
  if (is_any(first, {"CALL", "DO", "VACUUM", "ANALYZE", "ANALYSE", "REINDEX", "CLUSTER"})) {
    return true;
  }
  if (!is_any(first, {"CREATE", "DROP", "ALTER", "REFRESH", "COMMIT", "ROLLBACK"})) return false;
  const auto second = words.next();
  if (is_any(second, {"DATABASE", "TABLESPACE", "SUBSCRIPTION", "PREPARED"})) return true;
  for (auto word = second; !word.empty(); word = words.next()) {
    if (is_word(word, "CONCURRENTLY")) return true;
  }
  return false;
}

bool may_end_transaction(std::string_view sql) noexcept {
  const auto first = Words(without_comments_before(sql)).next();
  return is_any(first, {"COMMIT", "END", "ROLLBACK", "ABORT", "PREPARE"});
}

bool is_about_transaction(std::string_view sql) noexcept {
  const auto first = Words(without_comments_before(sql)).next();
  return may_end_transaction(sql) || is_any(first, {"BEGIN", "START", "SAVEPOINT", "RELEASE"});
}

bool is_chained(std::string_view sql) noexcept {
  // A comment in between may hold other words.
  Words words(sql);
  std::string_view before;
  std::string_view last;
  for (auto word = words.next(); !word.empty(); word = words.next()) {
    before = std::exchange(last, word);
  }
  return is_word(before, "AND") && is_word(last, "CHAIN");
}

}  // namespace grant::postgres
