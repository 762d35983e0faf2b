#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "grant/query/raw_sql.hpp"
#include "grant/session/session.hpp"
#include "grant/session/transaction.hpp"
#include "support/error_of.hpp"
#include "unit/registry/registry_fixture.hpp"

namespace grant::test {

/// The database "shop" on the servers "w" (its primary), "r1" and so on, all well, and a session.
struct Shop : Servers {
  explicit Shop(std::size_t readers = 1, RoutingOptions routing = {}) {
    std::vector<std::string> hosts;
    for (std::size_t i = 1; i <= readers; ++i) hosts.push_back("r" + std::to_string(i));
    auto shop = spec("w", hosts);
    shop.routing = routing;
    start(std::move(shop), hosts);
  }

  /// The same with the shards "eu" and "us", whose primaries are on servers of these names.
  struct Sharded {};
  explicit Shop(Sharded) {
    auto shop = spec("");
    for (const std::string name : {"eu", "us"}) {
      ShardSpec shard;
      shard.writer = "mariadb://" + name + "/db";
      shard.readers = {"mariadb://" + name + "-replica/db"};
      shop.shards.emplace_back(name, shard);
      is(name, NodeKind::primary);
      is(name + "-replica", NodeKind::replica);
    }
    start(std::move(shop), {});
  }

  void start(ConnectionSpec shop, const std::vector<std::string>& readers) {
    is("w", NodeKind::primary);
    for (const auto& reader : readers) is(reader, NodeKind::replica);
    registry = std::make_shared<Registry>(Databases{{"shop", std::move(shop)}}, options());
    registry->check_health_now();
    session = Session(registry);
  }

  [[nodiscard]] MemoryServer& server(const std::string& name) const { return driver.server(name); }
  [[nodiscard]] MemoryServer& primary() const { return server("w"); }
  [[nodiscard]] MemoryServer& replica() const { return server("r1"); }

  /// Reads in `reader`, and tells which node served that and why.
  static std::string read_in(const Session& reader, ModelConnection model = connects_to("shop")) {
    reader.run([&] { return sql("SELECT").read().connect(model).run(); });
    return reader.last_served()->summary();
  }
  std::string read(ModelConnection model = connects_to("shop")) const {
    return read_in(session, model);
  }

  std::string write(ModelConnection model = connects_to("shop")) const {
    session.run([&] { return sql("WRITE").connect(model).run(); });
    return session.last_served()->summary();
  }

  std::shared_ptr<Registry> registry;
  Session session;
};

/// Answers each statement with `sql` with this error, the first `count` times.
inline MemoryServer::Handler failing(std::string sql, Errc code, std::size_t count = SIZE_MAX) {
  auto left = std::make_shared<std::atomic<std::size_t>>(count);
  return [sql = std::move(sql), code, left](const Statement& statement) -> std::unique_ptr<Result> {
    if (statement.sql == sql && *left > 0) {
      --*left;
      throw_error(code, "it fails as told");
    }
    return nullptr;
  };
}

}  // namespace grant::test
