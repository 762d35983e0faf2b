#include "schema_effect.hpp"

#include <algorithm>
#include <array>

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

}  // namespace grant::postgres
