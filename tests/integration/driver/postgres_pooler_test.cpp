// Behind pgbouncer, which hands the sessions of the server from client to client.

#include <array>

#include "integration/driver/postgres_fixture.hpp"
#include "support/pgbouncer.hpp"

namespace grant::test {
namespace {

/// Statements of three connections over two sessions: what one has prepared is seldom where the
/// next message goes.
void use_in_turn(std::span<const std::unique_ptr<Connection>> connections) {
  for (std::int64_t i = 0; i < 40; ++i) {
    for (const auto& connection : connections) {
      const auto at = std::to_string(i % 7);
      EXPECT_EQ(first(*connection, "select $1::int8 * 10 + " + at, {ValueView::integer(i)}),
                std::to_string(i * 10 + i % 7));
      EXPECT_EQ(first(*connection, "select concat($1::text, '" + at + "')", {ValueView::text("a")}),
                "a" + at);
    }
  }
}

std::vector<std::unique_ptr<Connection>> three(const std::string& url) {
  std::vector<std::unique_ptr<Connection>> connections;
  for (int i = 0; i < 3; ++i) connections.push_back(connect_to(url));
  return connections;
}

TEST(PostgresPooler, StatementsAreNeverTakenForOthers) {
  const Pgbouncer pooler(cluster().port(0), "transaction", 2);
  for (const auto* const how : {"&prepare=never", "&statement_cache_size=0", ""}) {
    SCOPED_TRACE(how);
    use_in_turn(three(pooler.url() + how));
  }
}

TEST(PostgresPooler, EverythingElseWorksThereToo) {
  const Pgbouncer pooler(cluster().port(0), "transaction", 2);
  for (const auto* const how : {"&prepare=never", ""}) {
    SCOPED_TRACE(how);
    const auto connections = three(pooler.url() + how);
    exec(*connections[0], "drop table if exists pooled");
    exec(*connections[0], "create table pooled (v int)");
    for (std::int64_t i = 0; i < 10; ++i) {
      for (const auto& connection : connections) {
        const std::array values{ValueView::integer(i)};
        const std::array statements{
            Statement{"insert into pooled values ($1)", values, Effect::write},
            Statement{"select count(*) from pooled where v = $1", values, Effect::read},
            Statement{"select 1", {}, Effect::read}};
        for (const auto& answer : run(connection->pipeline(within(kPatience), statements))) {
          EXPECT_FALSE(answer.error) << answer.error->message;
        }
        const auto rows = run(connection->stream(within(kPatience), statements[1], {}));
        ASSERT_NE(run(rows->next(within(kPatience))), nullptr);
        run(rows->close(within(kPatience)));
        run(connection->begin(within(kPatience), {}));
        exec(*connection, "select $1::int", {ValueView::integer(i)});
        exec(*connection, "insert into pooled values ($1)", {ValueView::integer(i)});
        run(connection->commit(within(kPatience)));
      }
    }
    EXPECT_EQ(first(*connections[0], "select count(*) from pooled"), "60");
    exec(*connections[0], "drop table pooled");
  }
}

TEST(PostgresPooler, ThatKeepsSessionsApartKeepsStatements) {
  const Pgbouncer pooler(cluster().port(0), "session", 4);
  const auto connections = three(pooler.url());
  use_in_turn(connections);
  EXPECT_NE(first(*connections[0],
                  "select count(*) from pg_prepared_statements where name like 'grant_%'"),
            "0");
}

}  // namespace
}  // namespace grant::test
