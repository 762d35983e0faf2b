#include "lexer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <iterator>
#include <limits>

#include "errors.hpp"

namespace grant::sqlite {
namespace {

/// What names are made of; SQLite counts `$` among it.
bool is_name(char c) noexcept {
  const auto u = static_cast<unsigned char>(c);
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
         c == '$' || u >= 0x80;
}

std::size_t end_of_name(std::string_view sql, std::size_t at) noexcept {
  while (at < sql.size() && is_name(sql[at])) ++at;
  return at;
}

/// Behind `closing`; the end of `sql` when it is not there.
std::size_t behind(std::string_view sql, std::string_view closing, std::size_t at) noexcept {
  const auto found = sql.find(closing, at);
  return found == std::string_view::npos ? sql.size() : found + closing.size();
}

/// Where the string, name, comment, placeholder or other character at `sql[at]` ends.
std::size_t end_of_token(std::string_view sql, std::size_t at) noexcept {
  const char c = sql[at];
  // A doubled quote inside stands for itself: two texts, one behind the other, end where one would.
  if (c == '\'' || c == '"' || c == '`') return behind(sql, sql.substr(at, 1), at + 1);
  if (c == '[') return behind(sql, "]", at + 1);
  const auto rest = sql.substr(at);
  if (rest.starts_with("--")) return behind(sql, "\n", at);
  if (rest.starts_with("/*")) return behind(sql, "*/", at + 2);
  return is_name(c) ? end_of_name(sql, at) : at + 1;
}

/// The number of `$7`; 0 for what is none.
int number_of(std::string_view token) noexcept {
  int number = 0;
  if (token.size() < 2 || token[0] != '$' || token[1] == '0') return 0;
  const char* const end = token.data() + token.size();
  const auto [stop, error] = std::from_chars(token.data() + 1, end, number);
  if (error == std::errc::result_out_of_range) return std::numeric_limits<int>::max();
  return stop == end ? number : 0;
}

}  // namespace

std::string rewrite_placeholders(std::string_view sql, int most, std::string_view node) {
  std::string out;
  out.reserve(sql.size());
  int highest = 0;
  bool questions = false;
  for (std::size_t at = 0; at < sql.size();) {
    const auto end = end_of_token(sql, at);
    const auto token = sql.substr(at, end - at);
    const int number = number_of(token);
    questions = questions || token == "?";
    // `$1::x` and `$1(x)` are names of other variables, which are refused as such.
    const bool goes_on = end < sql.size() && (sql[end] == ':' || sql[end] == '(');
    if (number == 0 || goes_on) {
      out += token;
    } else if (number > most) {
      throw_at(Errc::invalid_argument, node,
               fmt::format("the statement has placeholder {}, and SQLite takes no more than {}",
                           token, most));
    } else if (number == highest + 1) {
      out += '?';  // without a name; numbered behind the highest
      highest = number;
    } else {
      fmt::format_to(std::back_inserter(out), "?{}", number);
      highest = std::max(highest, number);
    }
    at = end;
  }
  if (highest > 0 && questions) {
    throw_at(Errc::invalid_argument, node, "the statement mixes placeholders $1 and ?");
  }
  return out;
}

}  // namespace grant::sqlite
