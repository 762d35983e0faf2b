#include <cstdio>
#include <grant/grant.hpp>
#include <iostream>

// One member of each kind: a user's warnings look into the templates that read and write them.
struct User : grant::Model<User> {
  std::int64_t id{};
  std::string email{};
  std::optional<std::string> name{};
  std::int32_t visits{};
  double weight{};
  bool active{};
  grant::Bytes picture{};
  std::optional<grant::Decimal> balance{};
  std::optional<grant::Json> notes{};
  grant::Timestamp created_at{};

  static constexpr auto table = grant::table<User>(
      "users", grant::column<&User::id>.primary_key(), grant::column<&User::email>.unique(),
      grant::column<&User::name>, grant::column<&User::visits>, grant::column<&User::weight>,
      grant::column<&User::active>, grant::column<&User::picture>, grant::column<&User::balance>,
      grant::column<&User::notes>, grant::column<&User::created_at>);
};

int main() {
  constexpr auto email = grant::field<&User::email>;
  constexpr auto visits = grant::field<&User::visits>;

  std::remove("consumer.db");
  // Nothing here names the driver: linking grant::sqlite is what registers it.
  grant::establish_connections({{"primary", {.url = "sqlite:consumer.db"}}});
  User::create_table();
  auto ada = User::create(email = "ada@example.com");
  grant::transaction("primary", [&] { ada.update(visits = 7); });
  User::create(email = "bob@example.com").destroy();
  const auto found =
      User::where(email.like("ada%") && visits > 6).order(visits.desc()).limit(1).all();
  std::size_t seen = 0;
  User::where(visits == 7).each([&seen](const User&) { ++seen; });
  const auto rows = grant::sql("SELECT count(*) AS n FROM users WHERE visits = $1", 7).read().run();
  for (const auto& row : rows) seen += static_cast<std::size_t>(row.get<std::int64_t>("n"));
  const auto count = User::count();
  std::cout << count << " user, found " << found.size() + seen << " times, from "
            << grant::last_served()->summary() << '\n';
  grant::close_connections();
}
