// What becomes of a session's prepared statements when it is reset.

#include "integration/driver/postgres_fixture.hpp"

namespace grant::test {
namespace {

constexpr auto kKept = "select count(*) from pg_prepared_statements where name like 'grant_%'";

TEST(PostgresSession, ResetKeepsWhatTheDriverHasPrepared) {
  const auto connection = connect_to(0);
  for (int i = 0; i < 3; ++i) exec(*connection, "select " + std::to_string(i));
  const auto kept = first(*connection, kKept);
  exec(*connection, "set work_mem = '5MB'");
  run(connection->reset(within(kPatience)));
  EXPECT_EQ(std::stoi(first(*connection, kKept)), std::stoi(kept) + 1) << "SET itself is one more";
  EXPECT_EQ(first(*connection, "select 1"), "1");
}

TEST(PostgresSession, StatementsNamedByTheCallerGoWithAllOthers) {
  const auto connection = connect_to(0);
  exec(*connection, "select 1");
  exec(*connection, "prepare mine as select 42");
  EXPECT_EQ(first(*connection, "execute mine"), "42");
  run(connection->reset(within(kPatience)));
  EXPECT_EQ(exec_error(*connection, "execute mine").sqlstate, "26000");
  EXPECT_EQ(first(*connection, "select 1"), "1");
  // The next reset is as gentle as before.
  exec(*connection, "set work_mem = '5MB'");
  const auto kept = first(*connection, kKept);
  run(connection->reset(within(kPatience)));
  EXPECT_EQ(first(*connection, kKept), kept);
}

TEST(PostgresSession, StatementsOverATableThatWentWithTheResetFindTheOneBehindIt) {
  const auto connection = connect_to(0);
  exec(*connection, "create table if not exists hidden (v text)");
  exec(*connection, "delete from hidden");
  exec(*connection, "create temp table hidden (v integer)");
  exec(*connection, "insert into hidden values (1)");
  EXPECT_EQ(first(*connection, "select v from hidden limit 1"), "1");
  run(connection->reset(within(kPatience)));
  exec(*connection, "insert into hidden values ('a text')");
  EXPECT_EQ(first(*connection, "select v from hidden limit 1"), "a text");
}

TEST(PostgresSession, ReplicaCanBeResetToo) {
  const auto connection = connect_to(1);
  exec(*connection, "set work_mem = '5MB'", {}, Effect::read);
  run(connection->reset(within(kPatience)));
  EXPECT_FALSE(connection->session_changed());
}

}  // namespace
}  // namespace grant::test
