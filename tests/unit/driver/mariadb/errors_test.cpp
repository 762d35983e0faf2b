#include "driver/mariadb/errors.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "driver/failures.hpp"
#include "grant/driver/mariadb/driver.hpp"

namespace grant::mariadb {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

/// What becomes of a write that ended with an error.
enum class Became : std::uint8_t {
  nothing,    ///< It was not executed, or undone, and the session goes on.
  not_known,  ///< The session is over, and nobody knows.
};

struct Case {
  unsigned int number;
  std::string_view message;
  Errc code;  ///< Of a write.
  Became became;
};

/// As the connection decides.
ErrorInfo write_error(const Failure& failure) {
  if (ends_session(failure.number)) return failures::lost("n", Effect::write, failure.message);
  return server_error(failure, "n", {});
}

TEST(MariadbErrorTable, SaysOfEachNumberWhatToDoNextAndWhetherAWriteWasExecuted) {
  const std::vector<Case> table{
      {1040, "Too many connections", Errc::unavailable, Became::nothing},
      {1203, "User app already has more than 'max_user_connections' active connections",
       Errc::unavailable, Became::nothing},
      {1226, "User 'app' has exceeded the 'max_queries_per_hour' resource (current value: 1)",
       Errc::unavailable, Became::nothing},
      {1047, "WSREP has not yet prepared node for application use", Errc::unavailable,
       Became::nothing},
      {1290, "The MariaDB server is running with the --read-only option so it cannot execute this",
       Errc::read_only, Became::nothing},
      {1290, "The MariaDB server is running with the --secure-file-priv option so it cannot",
       Errc::invalid_argument, Became::nothing},
      {1792, "Cannot execute statement in a READ ONLY transaction", Errc::read_only,
       Became::nothing},
      {1836, "Running in read-only mode", Errc::read_only, Became::nothing},
      {1205, "Lock wait timeout exceeded; try restarting transaction", Errc::timeout,
       Became::nothing},
      {1969, "Query execution was interrupted (max_statement_time exceeded)", Errc::timeout,
       Became::nothing},
      {3024, "Query execution was interrupted, maximum statement execution time exceeded",
       Errc::timeout, Became::nothing},
      {1317, "Query execution was interrupted", Errc::cancelled, Became::nothing},
      {1213, "Deadlock found when trying to get lock; try restarting transaction", Errc::conflict,
       Became::nothing},
      {1020, "Record has changed since last read in table 't'", Errc::conflict, Became::nothing},
      {1412, "Table definition has changed, please retry transaction", Errc::conflict,
       Became::nothing},
      {1048, "Column 'a' cannot be null", Errc::constraint, Became::nothing},
      {1062, "Duplicate entry '1' for key 'PRIMARY'", Errc::constraint, Became::nothing},
      {1451, "Cannot delete or update a parent row", Errc::constraint, Became::nothing},
      {1452, "Cannot add or update a child row", Errc::constraint, Became::nothing},
      {4025, "CONSTRAINT `c` failed for `app`.`t`", Errc::constraint, Became::nothing},
      {1064, "You have an error in your SQL syntax", Errc::invalid_argument, Became::nothing},
      {1146, "Table 'app.t' doesn't exist", Errc::invalid_argument, Became::nothing},
      {1153, "Got a packet bigger than 'max_allowed_packet' bytes", Errc::invalid_argument,
       Became::nothing},
      {1461, "Can't create more than max_prepared_stmt_count statements (current value: 10)",
       Errc::configuration, Became::nothing},
      {1615, "Prepared statement needs to be re-prepared", Errc::conflict, Became::nothing},
      {1022, "", Errc::constraint, Became::nothing},
      {1169, "", Errc::constraint, Became::nothing},
      {1216, "", Errc::constraint, Became::nothing},
      {1217, "", Errc::constraint, Became::nothing},
      {1364, "", Errc::constraint, Became::nothing},
      {1369, "", Errc::constraint, Became::nothing},
      {1557, "", Errc::constraint, Became::nothing},
      {1586, "", Errc::constraint, Became::nothing},
      {1761, "", Errc::constraint, Became::nothing},
      {1762, "", Errc::constraint, Became::nothing},
      {1859, "", Errc::constraint, Became::nothing},
      {1015, "", Errc::unavailable, Became::nothing},
      {1021, "", Errc::unavailable, Became::nothing},
      {1030, "", Errc::unavailable, Became::nothing},
      {1037, "", Errc::unavailable, Became::nothing},
      {1038, "", Errc::unavailable, Became::nothing},
      {1041, "", Errc::unavailable, Became::nothing},
      {1114, "", Errc::unavailable, Became::nothing},
      {1129, "", Errc::unavailable, Became::nothing},
      {1194, "", Errc::unavailable, Became::nothing},
      {1195, "", Errc::unavailable, Became::nothing},
      {1874, "InnoDB is in read only mode", Errc::read_only, Became::nothing},
      {1924, "", Errc::invalid_argument, Became::nothing},
      {1152, "", Errc::outcome_unknown, Became::not_known},
      {1159, "", Errc::outcome_unknown, Became::not_known},
      {1160, "", Errc::outcome_unknown, Became::not_known},
      {1161, "", Errc::outcome_unknown, Became::not_known},
      {1157, "", Errc::invalid_argument, Became::nothing},
      {1162, "", Errc::invalid_argument, Became::nothing},
      {1927, "Connection was killed", Errc::outcome_unknown, Became::not_known},
      {1053, "Server shutdown in progress", Errc::outcome_unknown, Became::not_known},
      {1158, "Got an error reading communication packets", Errc::outcome_unknown,
       Became::not_known},
      {2006, "Server has gone away", Errc::outcome_unknown, Became::not_known},
      {2013, "Lost connection to server during query", Errc::outcome_unknown, Became::not_known},
      {2027, "Malformed packet", Errc::outcome_unknown, Became::not_known},
      {2055, "Lost connection to server at 'reading', system error: 104", Errc::outcome_unknown,
       Became::not_known},
  };
  for (const Case& row : table) {
    SCOPED_TRACE(row.number);
    const Failure failure{row.number, "HY000", std::string(row.message)};
    const auto info = write_error(failure);
    EXPECT_EQ(info.code, row.code) << info.message;
    EXPECT_EQ(ends_session(row.number), row.became == Became::not_known);
    if (row.became == Became::nothing) {
      EXPECT_NE(info.code, Errc::outcome_unknown);
      EXPECT_EQ(info.native, static_cast<int>(row.number));
      EXPECT_EQ(info.sqlstate, "HY000");
      EXPECT_EQ(info.node, "n");
    }
    // A read that was lost changed nothing.
    EXPECT_EQ(failures::lost("n", Effect::read, row.message).code, Errc::unavailable);
  }
}

TEST(MariadbErrorTable, SaysWhyThereIsNoConnection) {
  const std::vector<std::tuple<unsigned int, std::string_view, Errc>> table{
      {2002, "Can't connect to local server through socket '/run/x' (2)", Errc::unavailable},
      {2003, "Can't connect to server on '127.0.0.1' (111)", Errc::unavailable},
      {2005, "Unknown server host 'nowhere' (-2)", Errc::unavailable},
      {2006, "Server has gone away", Errc::unavailable},
      {2013, "Lost connection to server at 'handshake: reading initial communication packet'",
       Errc::unavailable},
      {2055, "Lost connection to server at 'reading', system error: 104", Errc::unavailable},
      {1040, "Too many connections", Errc::unavailable},
      {1053, "Server shutdown in progress", Errc::unavailable},
      {1129, "Host '10.0.0.1' is blocked because of many connection errors", Errc::unavailable},
      {1203, "User app already has more than 'max_user_connections' active connections",
       Errc::unavailable},
      {1226, "User 'app' has exceeded the 'max_connections_per_hour' resource", Errc::unavailable},
      {1044, "Access denied for user 'app'@'%' to database 'other'", Errc::configuration},
      {1045, "Access denied for user 'app'@'%' (using password: YES)", Errc::configuration},
      {1049, "Unknown database 'other'", Errc::configuration},
      {1130, "Host '10.0.0.1' is not allowed to connect", Errc::configuration},
      {1698, "Access denied for user 'root'@'localhost'", Errc::configuration},
      {4151, "Access denied, this account is locked", Errc::configuration},
      {2026, "TLS/SSL error: certificate verify failed", Errc::configuration},
      {2026, "TLS/SSL error: Connection reset by peer", Errc::unavailable},
  };
  for (const auto& [number, message, code] : table) {
    SCOPED_TRACE(message);
    const auto info = connect_error({number, "08S01", std::string(message)}, "n");
    EXPECT_EQ(info.code, code);
    EXPECT_EQ(info.native, static_cast<int>(number));
    EXPECT_THAT(info.message, HasSubstr(std::string(message)));
  }
}

struct Named {
  unsigned int number;
  std::string_view message;
  std::string_view constraint;
  std::string_view says;
};

TEST(MariadbErrorTable, NamesConstraintTableAndColumnButNoValue) {
  const std::vector<Named> table{
      {1062, "Duplicate entry 'secret' for key 'by_name'", "by_name", "by_name"},
      {1062, "Duplicate entry 'secret' for key 'x' for key 'PRIMARY'", "PRIMARY", "PRIMARY"},
      {1586, "Duplicate entry 'secret' for key 'by_name'", "by_name", "by_name"},
      {1451,
       "Cannot delete or update a parent row: a foreign key constraint fails (`app`.`children`, "
       "CONSTRAINT `of_parent` FOREIGN KEY (`parent`) REFERENCES `parents` (`id`))",
       "of_parent", "`app`.`children`"},
      {1452,
       "Cannot add or update a child row: a foreign key constraint fails (`app`.`children`, "
       "CONSTRAINT `of_parent` FOREIGN KEY (`parent`) REFERENCES `parents` (`id`))",
       "of_parent", "(`parent`)"},
      {4025, "CONSTRAINT `age_is_positive` failed for `app`.`people`", "age_is_positive",
       "`app`.`people`"},
      {1048, "Column 'needed' cannot be null", "", "'needed'"},
      {1364, "Field 'needed' doesn't have a default value", "", "'needed'"},
  };
  for (const Named& row : table) {
    SCOPED_TRACE(row.message);
    const auto info = server_error({row.number, "23000", std::string(row.message)}, "n", {});
    EXPECT_EQ(info.code, Errc::constraint);
    EXPECT_EQ(info.constraint, row.constraint);
    EXPECT_THAT(info.message, HasSubstr(std::string(row.says)));
    EXPECT_THAT(info.message, Not(HasSubstr("secret")));
  }
}

TEST(MariadbErrorTable, HidesValuesThatTheServerQuotes) {
  for (const auto& [number, message] : std::vector<std::pair<unsigned int, std::string_view>>{
           {1366, "Incorrect integer value: 'secret's' for column `app`.`t`.`c` at row 1"},
           {1292, "Incorrect datetime value: 'secret' for column `app`.`t`.`c` at row 1"},
           {1690, "BIGINT value is out of range in '(4711 + secret)'"},
           {1526, "Table has no partition for value secret"},
           {1644, "it was secret"},
           {1761,
            "Foreign key constraint for table 't', record 'secret' would lead to a duplicate"},
           {1064, "You have an error in your SQL syntax near 'secret'' at line 3"}}) {
    const auto info = server_error({number, "22007", std::string(message)}, "n", {});
    EXPECT_THAT(info.message, Not(HasSubstr("secret"))) << message;
    EXPECT_EQ(info.server_message, message);
  }
  // Whatever number the author of a procedure gives it.
  EXPECT_THAT(server_error({1146, "45000", "it was secret"}, "n", {}).message,
              Not(HasSubstr("secret")));
  EXPECT_THAT(server_error({1064, "42000", "near 'secret' at line 3"}, "n", {}).message,
              HasSubstr("syntax error at line 3"));
  const std::vector<ValueView> params{ValueView::text("secret")};
  EXPECT_THAT(server_error({1146, "42S02", "Table 'secret' doesn't exist"}, "n", params).message,
              Not(HasSubstr("secret")));
}

TEST(MariadbErrorTable, KnowsAServerWithoutAPlaceForOneMore) {
  const auto& driver = mariadb::driver();
  for (const unsigned int number : {1040U, 1203U, 1226U}) {
    EXPECT_TRUE(driver.says_full(connect_error({number, "08004", ""}, "n"))) << number;
  }
  for (const unsigned int number : {1045U, 1129U, 2002U}) {
    EXPECT_FALSE(driver.says_full(connect_error({number, "53300", ""}, "n"))) << number;
  }
}

TEST(MariadbErrorTable, KnowsWhatTheTransactionRefusesAndNotTheServer) {
  const auto& driver = mariadb::driver();
  EXPECT_TRUE(driver.blames_transaction(server_error({1792, "25006", ""}, "n", {})));
  for (const unsigned int number : {1290U, 1836U}) {
    EXPECT_FALSE(driver.blames_transaction(server_error({number, "HY000", ""}, "n", {}))) << number;
  }
}

TEST(MariadbErrorTable, KnowsWhatMayHaveEndedTheTransaction) {
  for (const unsigned int number : {1213U, 1020U, 1205U, 1836U, 1114U}) {
    EXPECT_TRUE(may_end_transaction(code_for(number, ""))) << number;
  }
  for (const unsigned int number : {1062U, 1048U, 1064U, 1317U}) {
    EXPECT_FALSE(may_end_transaction(code_for(number, ""))) << number;
  }
}

}  // namespace
}  // namespace grant::mariadb
