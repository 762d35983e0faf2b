// Rewriting changes placeholders and nothing else, and numbers them as they were written.

#include <charconv>

#include "driver/mariadb/lexer.hpp"
#include "fuzz/fuzz.hpp"

namespace grant::fuzz {
namespace {

using mariadb::Backslash;
using mariadb::Rewritten;

/// Walks along both texts: they differ only where a `$n` became the `?` that stands for it.
void only_placeholders_changed(std::string_view before, const Rewritten& after) {
  std::string_view rest = after.sql;
  std::size_t seen = 0;
  while (!before.empty() || !rest.empty()) {
    require(!rest.empty() && !before.empty(), "both texts end together");
    const bool replaced = before.front() == '$' && rest.front() == '?';
    require(replaced || before.front() == rest.front(), "only placeholders change");
    before.remove_prefix(1);
    rest.remove_prefix(1);
    if (!replaced) continue;
    std::size_t number = 0;
    const auto [end, error] = std::from_chars(before.data(), before.data() + before.size(), number);
    require(error == std::errc() && seen < after.order.size() && after.order[seen] == number - 1,
            "a placeholder stands for the value that it names");
    require(number <= after.parameters, "the number of values covers each placeholder");
    before.remove_prefix(static_cast<std::size_t>(end - before.data()));
    ++seen;
  }
  require(seen == after.order.size(), "each placeholder is in the text");
}

}  // namespace

void try_input(std::string_view input) {
  const auto backslash = take_byte(input) % 2 == 0 ? Backslash::escapes : Backslash::plain;
  const auto word = mariadb::first_word(input);
  require(word.size() <= 16, "a first word is short");

  Rewritten rewritten;
  if (!accepts(Errc::invalid_argument,
               [&] { rewritten = mariadb::rewrite_placeholders(input, backslash); })) {
    return;
  }
  only_placeholders_changed(input, rewritten);
  require(rewritten.parameters <= 65'535, "the protocol can count the placeholders");
  if (rewritten.order.empty()) {
    const auto again = mariadb::rewrite_placeholders(rewritten.sql, backslash);
    require(again.sql == rewritten.sql && again.order.empty(), "nothing is left to replace");
  } else {
    require(!accepts(Errc::invalid_argument,
                     [&] {
                       static_cast<void>(mariadb::rewrite_placeholders(rewritten.sql, backslash));
                     }),
            "what was written is seen as a placeholder by the next reader");
  }
}

}  // namespace grant::fuzz
