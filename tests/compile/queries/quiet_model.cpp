// says nothing: how models are written gives no warnings.
#include <grant/grant.hpp>

using namespace std::chrono_literals;

struct Reader : grant::Model<Reader> {
  std::int64_t id{};
  std::string email{};
  std::optional<std::string> name{};
  grant::Timestamp created_at{};

  static constexpr auto table = grant::table<Reader>(
      "readers", grant::column<&Reader::id>.primary_key(), grant::column<&Reader::email>.unique(),
      grant::column<&Reader::name>, grant::column<&Reader::created_at>);
  static constexpr auto connection =
      grant::connects_to("primary").replica_lag_threshold(3s).failover_retry_attempts(5);
};

constexpr auto email = grant::field<&Reader::email>;
constexpr auto name = grant::field<&Reader::name>;

std::size_t use() {
  grant::establish_connections({
      {"primary",
       {.adapter = grant::Adapter::postgres,
        .writer = grant::env("PRIMARY_DATABASE_URL"),
        .readers = {grant::env("PRIMARY_REPLICA_URL")},
        .pool = {.max_size = 25, .initial_size = 5, .checkout_timeout = 5s},
        .health_check = {.interval = 30s, .timeout = 5s}}},
      {"cache", {.adapter = grant::Adapter::sqlite, .url = "sqlite:cache.db"}},
  });
  Reader::stick_to_primary(10s);
  Reader reader = Reader::create(email = "ada@example.com");
  reader.name = "Ada";
  reader.save();
  reader.update(name = std::nullopt);
  Reader fresh;
  fresh.email = "bob@example.com";
  fresh.save();
  grant::transaction("primary", [&] { fresh.destroy(); });
  Reader::while_preventing_writes([] {});
  grant::sql("UPDATE readers SET name = $1 WHERE id = $2", "Ada", 7).run();
  return Reader::connected_to({.role = grant::Role::reading}, [] {
    return Reader::where(grant::field<&Reader::name> == "Ada")
        .order(grant::field<&Reader::id>.desc())
        .limit(10)
        .all()
        .size();
  });
}
