// However a login is cut into pieces, the same is found in it.

#include "driver/postgres/greeting.hpp"
#include "fuzz/fuzz.hpp"

namespace grant::fuzz {

void try_input(std::string_view input) {
  using postgres::LoginScanner;
  using Finding = LoginScanner::Finding;
  static_cast<void>(LoginScanner::scan_answer(input));
  const std::size_t piece = 1 + take_byte(input) % 16;
  const auto whole = LoginScanner().scan(input);
  LoginScanner scanner;
  auto found = Finding::none;
  std::size_t taken = 0;
  for (std::size_t end = piece; taken < input.size();) {
    end = end < input.size() ? end : input.size();
    found = scanner.scan(input.substr(taken, end - taken));
    if (found != Finding::none && found != Finding::incomplete) break;
    if (found == Finding::none) taken = end;
    if (found == Finding::incomplete && end == input.size()) break;
    end += piece;
  }
  require(found == whole, "pieces make no difference");
}

}  // namespace grant::fuzz
