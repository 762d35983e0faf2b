#include "driver/postgres/errors.hpp"

#include <gtest/gtest.h>

#include <vector>

#include "grant/driver/postgres/driver.hpp"

namespace grant::postgres {
namespace {

struct Case {
  std::string_view sqlstate;
  std::string_view message;
  Errc code;
};

TEST(PostgresErrorTable, SaysOfEachStateWhatToDoNext) {
  const std::vector<Case> table{
      {"08000", "", Errc::outcome_unknown},
      {"08006", "", Errc::outcome_unknown},
      {"08P01", "server conn crashed?", Errc::outcome_unknown},
      {"23502", "", Errc::constraint},
      {"23505", "", Errc::constraint},
      {"23514", "", Errc::constraint},
      {"23P01", "", Errc::constraint},
      {"22001", "", Errc::invalid_argument},
      {"22003", "", Errc::invalid_argument},
      {"25006", "", Errc::read_only},
      {"25001", "", Errc::invalid_argument},
      {"25P02", "", Errc::invalid_argument},
      {"40001", "", Errc::conflict},
      {"40P01", "", Errc::conflict},
      {"40000", "", Errc::conflict},
      {"40002", "", Errc::constraint},
      {"40003", "", Errc::outcome_unknown},
      {"44000", "", Errc::constraint},
      {"42601", "", Errc::invalid_argument},
      {"42501", "", Errc::invalid_argument},
      {"53000", "", Errc::unavailable},
      {"53100", "", Errc::unavailable},
      {"53200", "out of memory", Errc::unavailable},
      {"53300", "", Errc::unavailable},
      {"54000", "", Errc::invalid_argument},
      {"54001", "", Errc::invalid_argument},
      {"54011", "", Errc::invalid_argument},
      {"55P03", "", Errc::timeout},
      {"55006", "", Errc::invalid_argument},
      {"57014", "canceling statement due to statement timeout", Errc::timeout},
      {"57014", "canceling statement due to user request", Errc::cancelled},
      {"57P01", "", Errc::unavailable},
      {"57P03", "", Errc::unavailable},
      {"57000", "", Errc::invalid_argument},
      {"58000", "", Errc::unavailable},
      {"58030", "", Errc::unavailable},
      {"XX000", "", Errc::unavailable},
      {"XX001", "", Errc::unavailable},
      {"XX000", "cache lookup failed for type 16648", Errc::conflict},
      {"XX000", "could not open relation with OID 16384", Errc::conflict},
      {"XX000", "tuple concurrently updated", Errc::conflict},
      {"XX001", "could not open relation with OID 16384", Errc::unavailable},
      {"P0001", "", Errc::invalid_argument},
      {"", "", Errc::invalid_argument},
  };
  for (const auto& [sqlstate, message, code] : table) {
    EXPECT_EQ(code_for(sqlstate, message), code) << sqlstate << " " << message;
  }
}

TEST(PostgresErrorTable, SaysOfConnectingWhatToDoNext) {
  const std::vector<Case> table{
      {"28000", "", Errc::configuration},
      {"28P01", "", Errc::configuration},
      {"3D000", "", Errc::configuration},
      {"42501", "", Errc::configuration},
      {"42704", "", Errc::configuration},
      {"22023", "", Errc::configuration},
      {"55000", "", Errc::configuration},
      {"53300", "", Errc::unavailable},
      {"57P03", "", Errc::unavailable},
      {"42601", "", Errc::configuration},
      {"22003", "", Errc::configuration},
      {"0A000", "", Errc::configuration},
      {"08P01", "unsupported startup parameter: options", Errc::configuration},
      {"08P01", "server conn crashed?", Errc::unavailable},
      {"40001", "", Errc::unavailable},
      {"", "Connection refused", Errc::unavailable},
      {"", "invalid port number: \"x\"", Errc::configuration},
      {"", "certificate verify failed", Errc::configuration},
      {"", "server does not support SSL, but SSL was required", Errc::configuration},
      {"", "fe_sendauth: no password supplied", Errc::configuration},
      {"57P03", "invalid something", Errc::unavailable},
  };
  for (const auto& [sqlstate, message, code] : table) {
    EXPECT_EQ(code_for_connect(sqlstate, message), code) << sqlstate << " " << message;
  }
}

TEST(PostgresErrorTable, KnowsAServerWithoutAPlaceForOneMore) {
  const auto& driver = postgres::driver();
  const auto seen = [](std::string_view text) { return connect_error(text, "n"); };
  EXPECT_TRUE(driver.says_full(seen("FATAL:  53300: sorry, too many clients already")));
  EXPECT_FALSE(driver.says_full(seen("FATAL:  57P03: the database system is starting up")));
  EXPECT_FALSE(driver.says_full(seen("connection refused")));
  ErrorInfo of_another_engine;
  of_another_engine.native = 1040;
  EXPECT_FALSE(driver.says_full(of_another_engine));
}

TEST(PostgresStaleness, IsReadFromWhatTheServerSays) {
  constexpr std::string_view prefix = "grant_0123_";
  const auto of = [&](ErrorSigns signs) { return staleness_of(signs, prefix); };
  const std::string_view ours = "prepared statement \"grant_0123_7\" does not exist";
  EXPECT_EQ(of({"26000", ours}), Staleness::lost);
  EXPECT_EQ(of({"26000", "prepared statement \"mine\" does not exist"}), Staleness::none);
  EXPECT_EQ(of({"26000", ours, "", true}), Staleness::none);
  EXPECT_EQ(of({"0A000", "", "RevalidateCachedQuery"}), Staleness::changed);
  EXPECT_EQ(of({"0A000", "", "transformSelectStmt"}), Staleness::none);
  EXPECT_EQ(of({"0A000", "", "RevalidateCachedQuery", true}), Staleness::none)
      << "a function was executing";
  for (const std::string_view state : {"42804", "42883", "42703", "42P01", "42846", "42704"}) {
    EXPECT_EQ(of({state}), Staleness::perhaps) << state;
    EXPECT_EQ(of({state, "", "", true}), Staleness::none) << state;
  }
  EXPECT_EQ(of({"42501"}), Staleness::none);
  for (const std::string_view state : {"22003", "22007", "22P02", "22P03"}) {
    EXPECT_EQ(of({state}), Staleness::types) << state;
    EXPECT_EQ(of({state, "", "", true}), Staleness::types) << state << ": a value was being read";
  }
  EXPECT_EQ(of({"22012"}), Staleness::none);
  EXPECT_EQ(of({"XX000", "cache lookup failed for type 7", "", true}), Staleness::perhaps);
  EXPECT_EQ(of({"XX000", "something else"}), Staleness::none);
  EXPECT_EQ(of({"23505"}), Staleness::none);
  EXPECT_EQ(of({"40001"}), Staleness::none);
  EXPECT_EQ(of({""}), Staleness::none);
}

}  // namespace
}  // namespace grant::postgres
