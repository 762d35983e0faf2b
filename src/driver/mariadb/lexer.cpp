#include "lexer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "grant/core/error.hpp"

namespace grant::mariadb {
namespace {

// The protocol counts placeholders in 16 bits.
constexpr std::size_t kMostPlaceholders = 65'535;

bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }

/// What names are made of; `$` in the middle of one does not begin a placeholder.
bool is_name(char c) noexcept {
  const auto u = static_cast<unsigned char>(c);
  return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || u >= 0x80;
}

bool is_space(char c) noexcept { return c == ' ' || (c >= '\t' && c <= '\r'); }

/// Where the quoted text that starts at `sql[at]` ends; the end of `sql` when nothing closes it.
std::size_t end_of_quoted(std::string_view sql, std::size_t at, Backslash backslash) noexcept {
  const char quote = sql[at];
  // In "names" and `names` a backslash is a character like others.
  const bool escapes = quote == '\'' && backslash == Backslash::escapes;
  for (std::size_t i = at + 1; i < sql.size(); ++i) {
    if (escapes && sql[i] == '\\') {
      ++i;
    } else if (sql[i] == quote) {
      if (i + 1 >= sql.size() || sql[i + 1] != quote) return i + 1;
      ++i;  // doubled: stands for itself
    }
  }
  return sql.size();
}

/// Where the comment that starts at `sql[at]` ends; `at` when none starts there. `/*! ... */` and
/// `/*M! ... */` are code to the server, so only their opening counts as a comment.
std::size_t end_of_comment(std::string_view sql, std::size_t at) noexcept {
  const auto rest = sql.substr(at);
  const auto from = [&](std::size_t end, std::size_t more) {
    return end == std::string_view::npos ? sql.size() : end + more;
  };
  const bool dashes =
      rest.starts_with("--") && (rest.size() == 2 || static_cast<unsigned char>(rest[2]) <= ' ');
  if (dashes || rest.starts_with('#')) return from(sql.find('\n', at), 1);
  if (rest.starts_with("/*!")) return at + 3;
  if (rest.starts_with("/*M!")) return at + 4;
  if (rest.starts_with("/*")) return from(sql.find("*/", at + 2), 2);
  return at;
}

std::size_t end_of_name(std::string_view sql, std::size_t at) noexcept {
  while (at < sql.size() && (is_name(sql[at]) || sql[at] == '$')) ++at;
  return at;
}

/// The number of the placeholder `text`, without its `$`.
std::size_t placeholder_number(std::string_view text) {
  std::size_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || number == 0 || number > kMostPlaceholders) {
    throw_error(Errc::invalid_argument, fmt::format("a placeholder is not one of $1 to ${}, as "
                                                    "there may be",
                                                    kMostPlaceholders));
  }
  return number;
}

}  // namespace

Rewritten rewrite_placeholders(std::string_view sql, Backslash backslash) {
  Rewritten out;
  out.sql.reserve(sql.size());
  for (std::size_t at = 0; at < sql.size();) {
    const char c = sql[at];
    std::size_t end = end_of_comment(sql, at);
    if (end == at) {
      end = at + 1;
      if (c == '\'' || c == '"' || c == '`') {
        end = end_of_quoted(sql, at, backslash);
      } else if (is_name(c) || c == '$') {
        end = end_of_name(sql, at);
      } else if (c == '?') {
        throw_error(Errc::invalid_argument, "placeholders are written $1, $2, ..., not ?");
      }
    }
    const auto token = sql.substr(at, end - at);
    if (token.size() > 1 && c == '$' && std::ranges::all_of(token.substr(1), is_digit)) {
      const auto number = placeholder_number(token.substr(1));
      out.order.push_back(number - 1);
      out.parameters = std::max(out.parameters, number);
      out.sql += '?';
    } else {
      out.sql += token;
    }
    at = end;
  }
  return out;
}

std::string first_word(std::string_view sql) {
  std::size_t at = 0;
  while (at < sql.size()) {
    const std::size_t end = end_of_comment(sql, at);
    if (end != at) {
      at = end;
    } else if (is_space(sql[at]) || sql[at] == '(') {
      ++at;
    } else {
      break;
    }
  }
  std::string word;
  for (; at < sql.size() && word.size() < 16 && is_name(sql[at]); ++at) {
    const char c = sql[at];
    word += c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  }
  return word;
}

}  // namespace grant::mariadb
