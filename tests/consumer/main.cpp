#include <cstdio>
#include <grant/grant.hpp>
#include <iostream>

struct User : grant::Model<User> {
  std::int64_t id{};
  std::string email{};

  static constexpr auto table = grant::table<User>("users", grant::column<&User::id>.primary_key(),
                                                   grant::column<&User::email>.unique());
};

int main() {
  std::remove("consumer.db");
  // Nothing here names the driver: linking grant::sqlite is what registers it.
  grant::establish_connections({{"primary", {.url = "sqlite:consumer.db"}}});
  User::create_table();
  User::create(grant::field<& User::email> = "ada@example.com");
  const auto count = User::count();
  std::cout << count << " user, from " << grant::last_served()->summary() << '\n';
  grant::close_connections();
}
