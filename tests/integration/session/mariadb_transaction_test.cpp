// Transactions on MariaDB that something inside ends, and writes that are kept whatever comes.

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <future>
#include <memory>
#include <string>

#include "grant/grant.hpp"
#include "support/error_of.hpp"
#include "support/mariadb_cluster.hpp"
#include "support/shared_server.hpp"

namespace grant::test {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

struct Extra : Model<Extra> {
  std::int64_t id{};

  static constexpr auto table = grant::table<Extra>("extras", column<&Extra::id>.primary_key());
};
constexpr auto extra_id = field<&Extra::id>;

MariadbCluster& servers() { return SharedServer<MariadbCluster>::get(); }

class MariadbTransactions : public ::testing::Test {
 protected:
  void SetUp() override {
    servers().sql(0,
                  "DROP TABLE IF EXISTS extras; CREATE OR REPLACE TABLE t (id BIGINT PRIMARY KEY);"
                  "CREATE OR REPLACE TABLE loose (id BIGINT PRIMARY KEY) ENGINE=MyISAM;"
                  "INSERT INTO loose VALUES (1), (2), (3), (4), (5), (6)");
    ConnectionSpec spec;
    spec.adapter = Adapter::mariadb;
    spec.writer = servers().url(0) + "?cancel_timeout=20000";
    registry_ = std::make_shared<Registry>(Databases{{"primary", spec}});
    registry_->check_health_now();
  }

  void in_session(const std::function<void()>& work) const { Session(registry_).run(work); }

  ErrorInfo error_in_session(const std::function<void()>& work) const {
    return error_of([&] { in_session(work); });
  }

  static std::string rows(const std::string& table) {
    return servers().sql(0, "SELECT count(*) FROM " + table);
  }

  static void insert(int id) { sql("INSERT INTO t VALUES ($1)", id).run(); }

  std::shared_ptr<Registry> registry_;
};

TEST_F(MariadbTransactions, TableMadeInsideEndsItAndWhatFollowsIsRefused) {
  const auto error = error_in_session([] {
    transaction("primary", [] {
      insert(1);
      Extra::create_table();
      EXPECT_EQ(error_of([] { insert(2); }).code, Errc::invalid_argument);
      EXPECT_THROW(Extra::create(extra_id = 7), Error);
    });
  });
  EXPECT_EQ(error.code, Errc::invalid_argument);
  EXPECT_THAT(error.message, HasSubstr("is stored"));
  EXPECT_EQ(rows("t"), "1");
  EXPECT_EQ(rows("extras"), "0");
}

TEST_F(MariadbTransactions, DeadlockThatIsPassedOverComesBackAndNothingFollows) {
  std::promise<void> first_has_one;
  std::promise<void> second_has_two;
  servers().sql(0, "INSERT INTO t VALUES (1), (2), (3), (4)");
  const auto second = std::async(std::launch::async, [&] {
    in_session([&] {
      transaction("primary", [&] {
        // More work than the other one's, which so is the one to be rolled back.
        for (int i = 0; i < 20; ++i) insert(10 + i);
        sql("UPDATE t SET id = 42 WHERE id = 2").run();
        second_has_two.set_value();
        first_has_one.get_future().wait();
        sql("UPDATE t SET id = 41 WHERE id = 1").run();
      });
    });
  });
  const auto error = error_in_session([&] {
    transaction("primary", [&] {
      sql("UPDATE t SET id = 51 WHERE id = 1").run();
      second_has_two.get_future().wait();
      first_has_one.set_value();
      EXPECT_THROW(sql("UPDATE t SET id = id + 100 WHERE id = 2").run(), Conflict);
      EXPECT_THROW(insert(50), Conflict);
    });
  });
  second.wait();
  EXPECT_EQ(error.code, Errc::conflict);
  EXPECT_THAT(error.message, HasSubstr("passed over"));
  EXPECT_EQ(servers().sql(0, "SELECT count(*) FROM t WHERE id >= 50"), "0");
}

TEST_F(MariadbTransactions, ProcedureThatCommittedAndMetItsDeadlineIsInDoubt) {
  in_session([] {
    sql("CREATE OR REPLACE PROCEDURE stores() BEGIN INSERT INTO t VALUES (9); WHILE 1 "
        "DO DO 0; END WHILE; END")
        .run();
  });
  for (const std::string text : {"CALL stores()", "BEGIN NOT ATOMIC CALL stores(); END"}) {
    servers().sql(0, "DELETE FROM t");
    const auto error =
        error_in_session([&] { connected_to({.timeout = 1s}, [&] { sql(text).run(); }); });
    EXPECT_EQ(error.code, Errc::outcome_unknown) << error.message;
    EXPECT_EQ(rows("t"), "1");
  }
}

// What it says is the server's answer to a statement inside, after another one was stored.
TEST_F(MariadbTransactions, ProcedureThatIsRefusedHalfwayIsInDoubtAndRunsOnce) {
  for (const std::string refused :
       {"START TRANSACTION READ ONLY; INSERT INTO t VALUES (2)", "EXECUTE nothing"}) {
    servers().sql(0, "CREATE OR REPLACE TABLE t (id BIGINT)");
    in_session([&] {
      sql("CREATE OR REPLACE PROCEDURE halfway() BEGIN INSERT INTO t VALUES (1); " + refused +
          "; END")
          .run();
    });
    const auto error = error_in_session([] { sql("CALL halfway()").run(); });
    EXPECT_EQ(error.code, Errc::outcome_unknown) << refused << ": " << error.message;
    EXPECT_EQ(rows("t"), "1") << refused;
  }
}

TEST_F(MariadbTransactions, WriteToATableWithoutTransactionsThatMetItsDeadlineIsInDoubt) {
  const auto update = [] {
    connected_to({.timeout = 1s},
                 [] { sql("UPDATE loose SET id = id + 1000 + sleep(0.4)").run(); });
  };
  // Aria has no savepoints either, MyISAM goes back to one with a warning.
  for (const auto* engine : {"MyISAM", "Aria"}) {
    servers().sql(0, fmt::format("ALTER TABLE loose ENGINE={}", engine));
    auto error = error_in_session(update);
    EXPECT_EQ(error.code, Errc::outcome_unknown) << engine << error.message;
    EXPECT_NE(servers().sql(0, "SELECT count(*) FROM loose WHERE id > 1000"), "0");
    error = error_in_session([&] { transaction("primary", update); });
    EXPECT_EQ(error.code, Errc::outcome_unknown) << engine << error.message;
  }
  // One with transactions was undone.
  const auto error = error_in_session([] {
    insert(1);
    connected_to({.timeout = 1s}, [] { sql("UPDATE t SET id = id + 1 + sleep(20)").run(); });
  });
  EXPECT_EQ(error.code, Errc::timeout) << error.message;
}

TEST_F(MariadbTransactions, SwitchoverInsideIsUnavailableAndMayBeRunAgain) {
  TransactionSpec spec;
  spec.conflict_retries = 1;
  int runs = 0;
  in_session([&] {
    transaction(spec, [&] {
      ++runs;
      insert(1);
      if (runs == 1) {
        servers().sql(0, "SET GLOBAL read_only = 1");
        EXPECT_EQ(error_of([] { insert(2); }).code, Errc::unavailable);
        servers().sql(0, "SET GLOBAL read_only = 0");
        throw_error(Errc::unavailable, "passed on");
      }
    });
  });
  EXPECT_EQ(runs, 2);
  EXPECT_EQ(rows("t"), "1");
}

TEST_F(MariadbTransactions, SwitchoverBeforeTheCommitIsUnavailableUnlessSomethingIsKept) {
  for (const bool keeps : {false, true}) {
    const auto error = error_in_session([&] {
      transaction("primary", [&] {
        insert(1);
        if (keeps) sql("INSERT INTO loose VALUES (77)").run();
        servers().sql(0, "SET GLOBAL read_only = 1");
      });
    });
    servers().sql(0, "SET GLOBAL read_only = 0");
    EXPECT_EQ(error.code, keeps ? Errc::outcome_unknown : Errc::unavailable) << error.message;
    EXPECT_EQ(rows("t"), "0");
    registry_->check_health_now();
  }
}

TEST_F(MariadbTransactions, FunctionThatWritesIsUndoneWhereItIsGuarded) {
  servers().sql(0, "SET GLOBAL log_bin_trust_function_creators = 1");
  in_session([] {
    sql("CREATE OR REPLACE FUNCTION writes() RETURNS INT BEGIN INSERT INTO t VALUES (600); RETURN "
        "1; END")
        .run();
  });
  const auto read = [] { sql("SELECT writes()").read().run(); };
  EXPECT_EQ(error_in_session(read).code, Errc::read_only);
  in_session([&] {
    transaction("primary", [&] {
      insert(1);
      try {
        read();
      } catch (const ReadOnlyError&) {
        // Undone, whether or not it is told.
      }
      insert(2);
    });
  });
  EXPECT_EQ(rows("t"), "2");
}

// Going back to a savepoint would not give the number back.
TEST_F(MariadbTransactions, SequenceThatIsGuardedStaysWhereItIs) {
  servers().sql(0, "CREATE OR REPLACE SEQUENCE numbers");
  for (const std::string text :
       {"SELECT NEXT VALUE FOR numbers", "SELECT nextval(numbers)", "SELECT setval(numbers, 50)"}) {
    const auto read = [&] { sql(text).read().run(); };
    EXPECT_EQ(error_in_session(read).code, Errc::read_only) << text;
    EXPECT_EQ(error_in_session([&] { transaction("primary", read); }).code, Errc::read_only)
        << text;
  }
  EXPECT_EQ(servers().sql(0, "SELECT nextval(numbers)"), "1");
}

}  // namespace
}  // namespace grant::test
