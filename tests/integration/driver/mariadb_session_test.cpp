// What MariaDB does not report of a session, and how a session gets its database back.

#include "integration/driver/mariadb_fixture.hpp"

namespace grant::test {
namespace {

using ::testing::HasSubstr;

TEST(MariadbSession, LocksOfTablesAreSeenAndReleased) {
  const auto connection = connect_to(0);
  const auto other = connect_to(0);
  exec(*connection, "create table if not exists session_locked (id int)");
  for (const auto* sql :
       {"/* now */ lock tables session_locked write", "handler session_locked open"}) {
    exec(*connection, sql);
    EXPECT_TRUE(connection->session_changed()) << sql;
    run(connection->reset(within(kPatience)));
    EXPECT_FALSE(connection->session_changed());
  }
  exec(*other, "insert into session_locked values (1)");
  EXPECT_EQ(exec_error(*connection, "handler session_locked read first").code,
            Errc::invalid_argument);
}

TEST(MariadbSession, AtSignsOfOtherKindsLeaveNothing) {
  const auto connection = connect_to(0);
  for (const auto* sql : {"select @@sql_mode", "select 'a@b', \"c\".x from (select 1 as x) as c",
                          "select '@', @@session.time_zone", "select current_user() like '%@%'"}) {
    exec(*connection, sql);
    EXPECT_FALSE(connection->session_changed()) << sql;
  }
}

TEST(MariadbSession, ResetBringsTheDatabaseBack) {
  const auto connection = connect_to(0);
  exec(*connection, "use information_schema");
  EXPECT_TRUE(connection->session_changed());
  EXPECT_EQ(first(*connection, "select database()"), "information_schema");
  run(connection->reset(within(kPatience)));
  EXPECT_EQ(first(*connection, "select database()"), "app");
}

TEST(MariadbSession, DatabaseThatAConnectionDidNotBeginWithCannotBeTakenAway) {
  auto url = cluster().url(0);
  const auto connection = connect_to(url.substr(0, url.rfind('/')));
  exec(*connection, "set @x = 1");
  run(connection->reset(within(kPatience)));
  exec(*connection, "use information_schema");
  const auto error = error_of([&] { run(connection->reset(within(kPatience))); });
  EXPECT_EQ(error.code, Errc::invalid_argument);
  EXPECT_THAT(error.message, HasSubstr("without a database"));
  EXPECT_TRUE(connection->is_open());
  EXPECT_TRUE(connection->session_changed());
}

TEST(MariadbSession, ResetKeepsTheCharactersOfTheConnection) {
  const auto connection = connect_to(0);
  const auto set_global = [](const std::string& name) {
    cluster().sql(0, "set global character_set_client = " + name +
                         ", global character_set_connection = " + name +
                         ", global character_set_results = " + name);
  };
  set_global("latin1");
  run(connection->reset(within(kPatience)));
  set_global("utf8mb4");
  EXPECT_EQ(first(*connection,
                  "select concat(@@character_set_client, ' ', @@character_set_connection, ' ', "
                  "@@character_set_results)"),
            "utf8mb4 utf8mb4 utf8mb4");
  EXPECT_EQ(first(*connection, "select $1", {ValueView::text("\xC3\xA9\xF0\x9F\x98\x80")}),
            "\xC3\xA9\xF0\x9F\x98\x80");
}

TEST(MariadbSession, PositionsAreStillToldAfterAReset) {
  const auto connection = connect_to(0);
  exec(*connection, "create table if not exists session_positions (id int)");
  const auto before = connection->last_position();
  run(connection->reset(within(kPatience)));
  exec(*connection, "insert into session_positions values (1)");
  EXPECT_NE(connection->last_position(), before);
}

TEST(MariadbSession, ResetThatCannotBeDoneClosesTheConnection) {
  const auto connection = connect_to(0);
  const auto id = first(*connection, "select connection_id()");
  exec(*connect_to(0), "kill " + id);
  const auto error = error_of([&] { run(connection->reset(within(kPatience))); });
  EXPECT_EQ(error.code, Errc::unavailable);
  EXPECT_FALSE(connection->is_open());
}

}  // namespace
}  // namespace grant::test
