// [program]
#include <grant/grant.hpp>
#include <iostream>

using namespace std::chrono_literals;

struct User : grant::Model<User> {
  std::int64_t id{};
  std::string email{};
  std::optional<std::string> name{};
  grant::Timestamp created_at{};

  static constexpr auto table = grant::table<User>(
      "users", grant::column<&User::id>.primary_key(), grant::column<&User::email>.unique(),
      grant::column<&User::name>, grant::column<&User::created_at>);
};

constexpr auto email = grant::field<&User::email>;
constexpr auto name = grant::field<&User::name>;

int main() {
  grant::establish_connections({
      {"primary",
       {.writer = grant::env("PRIMARY_DATABASE_URL"),  // postgres://… or sqlite:file.db
        .readers = {grant::env("PRIMARY_REPLICA_1_URL"), grant::env("PRIMARY_REPLICA_2_URL")},
        .pool = {.max_size = 25, .checkout_timeout = 5s},
        .routing = {.replica_lag_threshold = 2s, .sticky_period = 5s}}},
  });
  User::create_table();

  auto ada = User::create(email = "ada@example.com");  // goes to the primary
  ada.update(name = "Ada");
  ada = User::find(ada.id);  // and so does this: a session reads its own writes

  grant::Session().run([] {  // another session: a replica that is fit serves it
    for (const auto& user : User::where(name == "Ada").limit(10).all()) {
      std::cout << user.email << " from " << grant::last_served()->summary() << '\n';
    }
  });
  ada.destroy();
  grant::close_connections();
}
// [program]
