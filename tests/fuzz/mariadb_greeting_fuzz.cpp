// What a server says first is waited for, taken or refused, and never more than it may be long.

#include "driver/mariadb/greeting.hpp"
#include "fuzz/fuzz.hpp"

namespace grant::fuzz {

void try_input(std::string_view input) {
  using State = mariadb::Greeting::State;
  const auto seen = mariadb::parse_greeting(input);
  if (seen.state == State::incomplete) {
    require(input.size() < mariadb::kLongestGreeting, "a greeting ends");
  } else {
    const auto longer = mariadb::parse_greeting(std::string(input) + "more");
    require(longer.state == seen.state && longer.offers_tls == seen.offers_tls,
            "what follows a greeting changes nothing");
  }
  require(!seen.offers_tls || seen.state == State::whole, "only a greeting offers TLS");
}

}  // namespace grant::fuzz
