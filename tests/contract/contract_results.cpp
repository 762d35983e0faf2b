// What a statement gives back.

#include <sys/resource.h>
#include <unistd.h>

#include <fstream>

#include "contract/contract.hpp"
#include "support/sanitizers.hpp"

namespace grant::contract {
namespace {

using ::testing::HasSubstr;

TEST_P(Contract, AffectedRowsCountInsertUpdateAndDelete) {
  const auto name = table("id {integer}, a {integer}");
  EXPECT_EQ(run("INSERT INTO " + name + " VALUES (1, 0), (2, 0), (3, 0)")->affected_rows(), 3U);
  EXPECT_EQ(run("UPDATE " + name + " SET a = 1 WHERE id > 1")->affected_rows(), 2U);
  EXPECT_EQ(run("UPDATE " + name + " SET a = 1 WHERE id > 99")->affected_rows(), 0U);
  EXPECT_EQ(run("DELETE FROM " + name + " WHERE id = 1")->affected_rows(), 1U);
  EXPECT_EQ(run("DELETE FROM " + name)->affected_rows(), 2U);
}

TEST_P(Contract, QueriesAndDefinitionsAffectNoRows) {
  const auto name = table("id {integer}");
  run("INSERT INTO " + name + " VALUES (1), (2)");
  EXPECT_EQ(run("SELECT * FROM " + name)->affected_rows(), 0U);
  EXPECT_EQ(run("CREATE INDEX " + name + "_index ON " + name + " (id)")->affected_rows(), 0U);
}

TEST_P(Contract, ReturningGivesTheStoredRows) {
  const auto name = table("id {integer}, at {timestamp}, yes {boolean}, r {real}");
  const auto rows =
      run("INSERT INTO " + name + " VALUES (1, $1, $2, $3), (2, NULL, NULL, NULL) RETURNING *",
          {ValueView::timestamp(Timestamp{}), ValueView::boolean(true), ValueView::real(1.0)});
  ASSERT_EQ(rows->row_count(), 2U);
  EXPECT_EQ(rows->affected_rows(), 2U);
  EXPECT_EQ(rows->cell(0, 0).as_integer(), 1);
  EXPECT_EQ(rows->cell(0, 1).as_timestamp(), Timestamp{});
  EXPECT_TRUE(rows->cell(0, 2).as_boolean());
  EXPECT_EQ(rows->cell(0, 3).as_real(), 1.0);
  EXPECT_EQ(run("DELETE FROM " + name + " WHERE id = 2 RETURNING id AS n")->column_name(0), "n");
}

TEST_P(Contract, UpdateReturnsTheRowsAsTheyAreAfterwards) {
  if (!backend().traits().update_returns_rows) {
    GTEST_SKIP() << "the engine's UPDATE returns nothing";
  }
  const auto name = table("id {integer}");
  run("INSERT INTO " + name + " VALUES (1)");
  const auto rows = run("UPDATE " + name + " SET id = id + 1 RETURNING id AS n");
  EXPECT_EQ(rows->column_name(0), "n");
  EXPECT_EQ(rows->cell(0, 0).as_integer(), 2);
}

TEST_P(Contract, EmptyResultStillHasColumns) {
  const auto name = table("first {integer}, second {text}");
  const auto rows = run("SELECT first, second FROM " + name);
  EXPECT_EQ(rows->row_count(), 0U);
  ASSERT_EQ(rows->column_count(), 2U);
  EXPECT_EQ(rows->column_name(0), "first");
  EXPECT_EQ(rows->column_name(1), "second");
}

TEST_P(Contract, AnswersAreNoLargerThanTheUrlSays) {
  const auto name = table("id {integer}, v {text}");
  const std::string text(100'000, 'x');
  for (int i = 0; i < 60; ++i) {
    run("INSERT INTO " + name + " VALUES ($1, $2)", {ValueView::integer(i), ValueView::text(text)});
  }
  const auto connect_with = [&](const std::string& megabytes) {
    auto options = backend().writer();
    options.url.params.emplace_back("max_result_size", megabytes);
    return connect(std::move(options));
  };
  const auto all = "SELECT v FROM " + name;
  for (const auto* enough : {"0", "8"}) {
    EXPECT_EQ(run_on(*connect_with(enough), all, {}, Effect::read)->row_count(), 60U);
  }
  const auto error = error_of([&] { run_on(*connect_with("2"), all, {}, Effect::read); });
  EXPECT_EQ(error.code, Errc::invalid_argument) << error.message;
  EXPECT_THAT(error.message, HasSubstr("larger than 2 MiB (max_result_size)"));

  const auto copy = "INSERT INTO " + name + " SELECT id + 100, v FROM " + name + " RETURNING v";
  const auto doubt = error_of([&] { run_on(*connect_with("2"), copy); });
  EXPECT_EQ(doubt.code, Errc::outcome_unknown) << doubt.message;

  // A stream is not held, and needs no limit.
  Statement statement;
  statement.sql = all;
  statement.effect = Effect::read;
  const auto connection = connect_with("2");
  const auto rows = grant::run(connection->stream(call(), statement, {.chunk_rows = 7}));
  std::size_t count = 0;
  while (const Result* chunk = grant::run(rows->next(call()))) count += chunk->row_count();
  EXPECT_GE(count, 60U);
}

/// Lets this process take `more` bytes of memory than it has, while it lives.
class MemoryLimit {
 public:
  explicit MemoryLimit(std::size_t more) {
    ::getrlimit(RLIMIT_AS, &before_);
    std::size_t pages = 0;
    std::ifstream("/proc/self/statm") >> pages;
    auto limit = before_;
    limit.rlim_cur = pages * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE)) + more;
    ::setrlimit(RLIMIT_AS, &limit);
  }
  MemoryLimit(const MemoryLimit&) = delete;
  MemoryLimit& operator=(const MemoryLimit&) = delete;
  ~MemoryLimit() { ::setrlimit(RLIMIT_AS, &before_); }

 private:
  rlimit before_{};
};

TEST_P(Contract, AnswersThatMemoryHasNoRoomForAreAnError) {
  if (!test::kMemoryIsPlain)
    GTEST_SKIP() << "a sanitizer needs more addresses than the limit leaves";
  const auto name = table("id {integer}");
  run("INSERT INTO " + name + " " + numbers(1'000) + "SELECT i FROM n");
  const auto all = "SELECT a.id, b.id, c.id FROM " + name + " a CROSS JOIN " + name +
                   " b CROSS JOIN " + name + " c WHERE a.id <= 4";
  auto options = backend().writer();
  options.url.params.emplace_back("max_result_size", "0");
  const auto connection = connect(std::move(options));
  const auto error = error_of([&] {
    const MemoryLimit limit(std::size_t{100} << 20U);
    run_on(*connection, all, {}, Effect::read);
  });
  EXPECT_EQ(error.code, Errc::invalid_argument) << error.message;
  EXPECT_THAT(error.message, HasSubstr("no memory"));
}

TEST_P(Contract, StatementWithoutRowsHasNoColumns) {
  const auto name = table("id {integer}");
  const auto rows = run("INSERT INTO " + name + " VALUES (1)");
  EXPECT_EQ(rows->row_count(), 0U);
  EXPECT_EQ(rows->column_count(), 0U);
}

TEST_P(Contract, ColumnNamesAreThoseOfTheQuery) {
  const auto rows = run(
      "SELECT 1 AS plain, 2 AS \"With Space\", 3 AS \"\xC3\xA9t\xC3\xA9\", 4 AS twin, 5 AS twin");
  ASSERT_EQ(rows->column_count(), 5U);
  EXPECT_EQ(rows->column_name(0), "plain");
  EXPECT_EQ(rows->column_name(1), "With Space");
  EXPECT_EQ(rows->column_name(2), "\xC3\xA9t\xC3\xA9");
  EXPECT_EQ(rows->column_name(3), "twin");
  EXPECT_EQ(rows->column_name(4), "twin");
  EXPECT_EQ(rows->cell(0, 4).as_integer(), 5);
}

TEST_P(Contract, LiteralsAndCountsHaveTheirKinds) {
  const auto rows = run("SELECT 1, 'text', NULL, count(*) FROM (SELECT 1) AS one");
  EXPECT_EQ(rows->cell(0, 0).kind(), ValueKind::integer);
  EXPECT_EQ(rows->cell(0, 1).kind(), ValueKind::text);
  EXPECT_EQ(rows->cell(0, 2).kind(), ValueKind::null);
  EXPECT_EQ(rows->cell(0, 3).kind(), ValueKind::integer);
}

TEST_P(Contract, TwoHundredColumnsComeBack) {
  std::string sql = "SELECT 0 AS c0";
  for (int i = 1; i < 200; ++i) sql += ", " + std::to_string(i) + " AS c" + std::to_string(i);
  const auto rows = run(sql);
  ASSERT_EQ(rows->column_count(), 200U);
  for (std::size_t i = 0; i < 200; ++i) {
    EXPECT_EQ(rows->column_name(i), "c" + std::to_string(i));
    EXPECT_EQ(rows->cell(0, i).as_integer(), static_cast<std::int64_t>(i));
  }
}

TEST_P(Contract, TenThousandRowsComeBackInOrder) {
  const auto name = table("id {integer}, v {text}");
  EXPECT_EQ(run("INSERT INTO " + name + " " + numbers(10'000) + "SELECT i, 'row ' || i FROM n")
                ->affected_rows(),
            10'000U);
  const auto rows = run("SELECT id, v FROM " + name + " ORDER BY id");
  ASSERT_EQ(rows->row_count(), 10'000U);
  for (std::size_t i = 0; i < 10'000; ++i) {
    ASSERT_EQ(rows->cell(i, 0).as_integer(), static_cast<std::int64_t>(i + 1));
    ASSERT_EQ(rows->cell(i, 1).as_characters(), "row " + std::to_string(i + 1));
  }
}

TEST_P(Contract, StatementSurvivesItsTableBeingMadeAnewWithOtherColumns) {
  const auto name = table("a {integer}");
  run("INSERT INTO " + name + " VALUES (1)");
  const auto query = "SELECT * FROM " + name;
  for (int i = 0; i < 10; ++i) EXPECT_EQ(run(query)->column_count(), 1U);

  run("DROP TABLE " + name);
  EXPECT_EQ(error_of([&] { run(query); }).code, Errc::invalid_argument);
  run(with_types("CREATE TABLE " + name + " (b {text}, c {boolean})"));
  run("INSERT INTO " + name + " VALUES ('x', $1)", {ValueView::boolean(true)});

  const auto rows = run(query);
  ASSERT_EQ(rows->column_count(), 2U);
  EXPECT_EQ(rows->column_name(0), "b");
  EXPECT_EQ(rows->cell(0, 0).as_characters(), "x");
  EXPECT_TRUE(rows->cell(0, 1).as_boolean());
}

TEST_P(Contract, StatementSurvivesAChangeByAnotherConnection) {
  const auto name = table("a {integer}");
  run("INSERT INTO " + name + " VALUES (1)");
  const auto query = "SELECT * FROM " + name;
  for (int i = 0; i < 10; ++i) run(query);
  const auto other = connect();
  run_on(*other, with_types("ALTER TABLE " + name + " ADD COLUMN b {text}"));
  EXPECT_EQ(run(query)->column_count(), 2U);
}

TEST_P(Contract, ManyDifferentStatementsDoNotExhaustTheConnection) {
  for (int i = 0; i < 1'000; ++i) {
    EXPECT_EQ(number("SELECT " + std::to_string(i)), i);
  }
  EXPECT_EQ(number("SELECT 0"), 0);
}

TEST_P(Contract, OneStatementRunsAgainAndAgainWithOtherValues) {
  const auto name = table("id {integer}");
  run("INSERT INTO " + name + " " + numbers(10'000) + "SELECT i FROM n");
  const auto query = "SELECT count(*) FROM " + name + " WHERE id <= $1";
  for (int i = 0; i < 200; ++i) EXPECT_EQ(number(query, {ValueView::integer(i)}), i);
}

}  // namespace
}  // namespace grant::contract
