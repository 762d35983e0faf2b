// Streams, pipelines, loading, and what ends a statement early.

#include <fmt/format.h>

#include <array>
#include <future>
#include <stdexcept>

#include "integration/driver/postgres_fixture.hpp"
#include "support/eventually.hpp"

namespace grant::test {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using namespace std::chrono_literals;

Statement reading(std::string_view sql, std::span<const ValueView> params = {}) {
  Statement statement;
  statement.sql = sql;
  statement.params = params;
  statement.effect = Effect::read;
  return statement;
}

Statement writing(std::string_view sql, std::span<const ValueView> params = {}) {
  auto statement = reading(sql, params);
  statement.effect = Effect::write;
  return statement;
}

std::unique_ptr<RowStream> stream(Connection& connection, std::string_view sql,
                                  std::size_t chunk_rows, std::span<const ValueView> params = {}) {
  StreamOptions options;
  options.chunk_rows = chunk_rows;
  return run(connection.stream(within(kPatience), reading(sql, params), options));
}

const Result* next(RowStream& rows) { return run(rows.next(within(kPatience))); }
void close(RowStream& rows) { run(rows.close(within(kPatience))); }

constexpr std::string_view kMany = "select i, 'row ' || i from generate_series(1, 2500) i";

enum class Form : std::uint8_t { plain, with_values, in_transaction };

/// Inside a transaction a stream is a cursor; otherwise rows come one by one.
class PostgresStream : public ::testing::TestWithParam<Form> {
 protected:
  /// `sql` with "$1" for a 0, in the second form.
  std::unique_ptr<RowStream> open(std::string_view sql, std::size_t chunk_rows) {
    std::string text(sql);
    if (is_cursor() && connection_->transaction_state() == TransactionState::none) {
      run(connection_->begin(within(kPatience), {}));
    }
    if (GetParam() != Form::with_values) return stream(*connection_, text, chunk_rows);
    text += " where $1 = 0::bigint";
    return stream(*connection_, text, chunk_rows, zero_);
  }

  static bool is_cursor() { return GetParam() == Form::in_transaction; }

  /// A stream leaves the transaction that it found, and none of its own.
  void expect_usable() {
    EXPECT_EQ(connection_->transaction_state(),
              is_cursor() ? TransactionState::open : TransactionState::none);
    EXPECT_EQ(first(*connection_, "select 1"), "1");
    EXPECT_EQ(cursors(), "0");
  }

  std::string cursors() {
    return first(*connection_, "select count(*) from pg_cursors where name = 'grant_stream'");
  }

  const std::array<ValueView, 1> zero_{ValueView::integer(0)};
  const std::unique_ptr<Connection> connection_ = connect_to(0);
};

TEST_P(PostgresStream, GivesAllRowsInOrderChunkByChunk) {
  const auto rows = open(kMany, 1'000);
  std::vector<std::size_t> chunks;
  std::int64_t expected = 0;
  while (const auto* chunk = next(*rows)) {
    chunks.push_back(chunk->row_count());
    EXPECT_EQ(chunk->column_count(), 2U);
    EXPECT_EQ(chunk->column_name(0), "i");
    for (std::size_t row = 0; row < chunk->row_count(); ++row) {
      std::array<ValueView, 2> cells;
      chunk->row(row, cells);
      ++expected;
      ASSERT_EQ(cells[0].as_integer(), expected);
      ASSERT_EQ(cells[1].as_characters(), fmt::format("row {}", expected));
    }
  }
  EXPECT_EQ(chunks, (std::vector<std::size_t>{1'000, 1'000, 500}));
  EXPECT_EQ(next(*rows), nullptr);
  expect_usable();
}

TEST_P(PostgresStream, LastChunkMayBeFullAndResultsEmpty) {
  const auto full = open(kMany, 1'250);
  EXPECT_EQ(next(*full)->row_count(), 1'250U);
  EXPECT_EQ(next(*full)->row_count(), 1'250U);
  EXPECT_EQ(next(*full), nullptr);
  const auto empty = open("select i from generate_series(1, 0) i", 10);
  EXPECT_EQ(next(*empty), nullptr);
  expect_usable();
}

TEST_P(PostgresStream, RefusesEverythingElseUntilItIsClosed) {
  const auto rows = open(kMany, 10);
  EXPECT_EQ(next(*rows)->row_count(), 10U);
  const auto error = exec_error(*connection_, "select 1");
  EXPECT_EQ(error.code, Errc::invalid_argument);
  EXPECT_THAT(error.message, HasSubstr("stream"));
  close(*rows);
  EXPECT_EQ(next(*rows), nullptr);
  expect_usable();
}

TEST_P(PostgresStream, ClosedBeforeItsFirstRowOrFarFromItsEnd) {
  // What a cursor is about to fetch has to be waited for.
  if (!is_cursor()) {
    const auto slow = open("select 1 from pg_sleep(1000)", 10);
    close(*slow);
    EXPECT_EQ(first(*connection_, "select 1"), "1");
  }
  const auto endless = open("select generate_series(1, 1000000000)", 10);
  EXPECT_EQ(next(*endless)->row_count(), 10U);
  close(*endless);
  EXPECT_EQ(first(*connection_, "select 1"), "1");
}

TEST_P(PostgresStream, LeavesATransactionAsItWas) {
  run(connection_->begin(within(kPatience), {}));
  const auto rows = open(kMany, 10);
  EXPECT_EQ(next(*rows)->row_count(), 10U);
  close(*rows);
  EXPECT_EQ(connection_->transaction_state(), TransactionState::open);
  EXPECT_EQ(cursors(), "0");
  EXPECT_EQ(first(*connection_, "show cursor_tuple_fraction"), "0.1");
  const auto whole = open(kMany, 2'000);
  while (next(*whole) != nullptr) {
  }
  EXPECT_EQ(cursors(), "0");
  run(connection_->commit(within(kPatience)));
}

TEST_P(PostgresStream, ErrorInTheMiddleEndsItAndLeavesTheConnection) {
  const auto rows = open("select 1 / (500 - i) from generate_series(1, 1000) i", 100);
  for (int chunk = 0; chunk < 4; ++chunk) ASSERT_EQ(next(*rows)->row_count(), 100U);
  const auto error = error_of([&] { next(*rows); });
  EXPECT_EQ(error.sqlstate, "22012");
  EXPECT_EQ(next(*rows), nullptr);
  run(connection_->rollback(within(kPatience)));
  EXPECT_EQ(first(*connection_, "select 1"), "1");
}

TEST_P(PostgresStream, KindsThatNeedMemoryAndCellsThatCannotBeRead) {
  const auto rows = open(
      "select n::numeric, array[n, null]::text[], null::int from (values ('1.50'), ('NaN')) v(n)",
      10);
  const auto* chunk = next(*rows);
  EXPECT_EQ(chunk->cell(0, 0).as_characters(), "1.50");
  EXPECT_EQ(chunk->cell(0, 1).as_array()[0].as_characters(), "1.50");
  EXPECT_TRUE(chunk->cell(0, 1).as_array()[1].is_null());
  EXPECT_TRUE(chunk->cell(0, 2).is_null());
  EXPECT_THAT(error_of([&] { return chunk->cell(1, 0); }).message, HasSubstr("\"n\""));
  std::array<ValueView, 3> cells;
  EXPECT_EQ(error_of([&] { chunk->row(1, cells); }).code, Errc::invalid_argument);
  EXPECT_EQ(chunk->cell(1, 1).as_array()[0].as_characters(), "NaN");
}

TEST_P(PostgresStream, DestroyedBeforeItsEndItClosesTheConnection) {
  next(*open(kMany, 10));
  EXPECT_FALSE(connection_->is_open());
}

INSTANTIATE_TEST_SUITE_P(Forms, PostgresStream,
                         ::testing::Values(Form::plain, Form::with_values, Form::in_transaction),
                         [](const auto& form) {
                           switch (form.param) {
                             case Form::plain: return "plain";
                             case Form::with_values: return "with_values";
                             case Form::in_transaction: return "in_transaction";
                           }
                           return "";
                         });

TEST(PostgresStreams, TakeQueriesOfAnyForm) {
  const auto connection = connect_to(0);
  for (const auto* sql : {"select 1;", "select ';'", "select 1 -- the end", "values (1)",
                          "select interval '1 day'", "with one as (select 1) select * from one"}) {
    const auto rows = stream(*connection, sql, 10);
    EXPECT_EQ(next(*rows)->row_count(), 1U) << sql;
    EXPECT_EQ(next(*rows), nullptr) << sql;
  }
  const auto nothing = stream(*connection, "select from generate_series(1, 3)", 10);
  EXPECT_EQ(next(*nothing)->row_count(), 3U);
  close(*nothing);
  EXPECT_EQ(error_of([&] { stream(*connection, "select nonsense", 10); }).sqlstate, "42703");
  EXPECT_EQ(error_of([&] { stream(*connection, "select 1) to stdout; select (2", 10); }).code,
            Errc::invalid_argument);
  EXPECT_EQ(error_of([&] { stream(*connection, "select $1::int", 10); }).code,
            Errc::invalid_argument);
  EXPECT_EQ(connection->transaction_state(), TransactionState::none);
  EXPECT_EQ(first(*connection, "select 1"), "1");
}

TEST(PostgresStreams, RefuseWhatIsNoQueryAndKeepTheConnection) {
  const auto connection = connect_to(0);
  for (const auto* sql : {"", "-- nothing"}) {
    const auto error = error_of([&] { next(*stream(*connection, sql, 10)); });
    EXPECT_EQ(error.code, Errc::invalid_argument) << sql;
    EXPECT_THAT(error.message, HasSubstr("empty")) << sql;
    EXPECT_EQ(first(*connection, "select 1"), "1") << sql;
  }
  const auto error = error_of([&] { next(*stream(*connection, "copy (select 1) to stdout", 10)); });
  EXPECT_EQ(error.code, Errc::invalid_argument);
  EXPECT_THAT(error.message, HasSubstr("COPY"));
}

TEST(PostgresStreams, LastWordsOfTheServerAreTheError) {
  const auto connection = connect_to(0);
  const auto rows = stream(*connection, "select 1 from pg_sleep(1000)", 10);
  cluster().sql(0,
                "select pg_terminate_backend(pid, 10000) from pg_stat_activity "
                "where usename = 'app'");
  const auto error = error_of([&] { next(*rows); });
  EXPECT_EQ(error.code, Errc::unavailable);
  EXPECT_EQ(error.sqlstate, "57P01") << error.message;
}

TEST(PostgresStatements, ColumnsOfACursorAreThoseOfItsQuery) {
  const auto connection = connect_to(0);
  run(connection->begin(within(kPatience), {}));
  for (const auto* query : {"select 1 as n, 2 as m", "select 'abcd', 'efgh'", "select 3",
                            "select interval '1 day', 4, true"}) {
    exec(*connection, std::string("declare c cursor for ") + query);
    const auto rows = exec(*connection, "fetch all from c");
    const auto expected = exec(*connection, query);
    ASSERT_EQ(rows->column_count(), expected->column_count()) << query;
    for (std::size_t column = 0; column < rows->column_count(); ++column) {
      EXPECT_EQ(rows->column_name(column), expected->column_name(column)) << query;
      EXPECT_EQ(text_of(rows->cell(0, column)), text_of(expected->cell(0, column))) << query;
    }
    exec(*connection, "close c");
  }
  const std::vector<Statement> both{writing("declare d cursor for select 7"),
                                    writing("fetch all from d")};
  const auto answers = run(connection->pipeline(within(kPatience), both));
  ASSERT_FALSE(answers[1].error);
  ASSERT_EQ(answers[1].result->column_count(), 1U);
  EXPECT_EQ(text_of(answers[1].result->cell(0, 0)), "7");
  run(connection->rollback(within(kPatience)));
}

TEST(PostgresStreams, RefuseWhatChangesRowsAndChunksOfNothing) {
  const auto connection = connect_to(0);
  exec(*connection, "create table if not exists streamed (n int)");
  for (const auto* sql : {"insert into streamed values (1) returning n",
                          "insert into streamed values ($1) returning n"}) {
    const std::array params{ValueView::integer(1)};
    const auto given = std::string_view(sql).find('$') == std::string_view::npos
                           ? std::span<const ValueView>()
                           : std::span<const ValueView>(params);
    EXPECT_EQ(error_of([&] { next(*stream(*connection, sql, 10, given)); }).code,
              Errc::invalid_argument);
  }
  EXPECT_EQ(error_of([&] { stream(*connection, kMany, 0); }).code, Errc::invalid_argument);
  EXPECT_EQ(first(*connection, "select count(*) from streamed"), "0");
  exec(*connection, "drop table streamed");
}

TEST(PostgresStreams, FollowATableThatHasChanged) {
  const auto connection = connect_to(0);
  exec(*connection, "create table changing (a bigint)");
  exec(*connection, "insert into changing values (7)");
  const std::array params{ValueView::boolean(true)};
  const auto read = [&](std::string_view sql, std::span<const ValueView> given) {
    const auto rows = stream(*connection, sql, 10, given);
    auto text = text_of(next(*rows)->cell(0, 0));
    close(*rows);
    return text;
  };
  for (const auto* type : {"bigint", "double precision", "text", "interval"}) {
    const auto change =
        fmt::format("alter table changing alter a type {0} using a::text::{0}", type);
    exec(*connection, change);
    const std::string expected = type == std::string_view("interval") ? "00:00:07" : "7";
    EXPECT_EQ(read("select * from changing", {}), expected) << type;
    EXPECT_EQ(read("select * from changing where $1", params), expected) << type;
  }
  exec(*connection, "drop table changing");
}

std::vector<Answer> pipeline(Connection& connection, const std::vector<Statement>& statements) {
  return run(connection.pipeline(within(kPatience), statements));
}

class PostgresPipeline : public ::testing::Test {
 protected:
  void SetUp() override { exec(*connection_, "create table piped (n int primary key)"); }
  void TearDown() override {
    if (!connection_->is_open()) connection_ = connect_to(0);
    exec(*connection_, "drop table piped");
  }

  std::unique_ptr<Connection> connection_ = connect_to(0);
};

TEST_F(PostgresPipeline, GivesAnAnswerToEachInOrder) {
  std::vector<std::array<ValueView, 1>> params;
  for (std::int64_t i = 0; i < 100; ++i) params.push_back({ValueView::integer(i)});
  std::vector<Statement> statements;
  for (const auto& one : params) statements.push_back(reading("select $1::bigint", one));
  const auto answers = pipeline(*connection_, statements);
  for (std::size_t i = 0; i < answers.size(); ++i) {
    ASSERT_TRUE(answers[i].result);
    EXPECT_EQ(answers[i].result->cell(0, 0).as_integer(), static_cast<std::int64_t>(i));
  }
  EXPECT_TRUE(pipeline(*connection_, {}).empty());
}

TEST_F(PostgresPipeline, FailuresAreOfTheirOwnStatementOnly) {
  const std::array one{ValueView::integer(1)};
  const std::array text{ValueView::text("secret")};
  const auto answers = pipeline(
      *connection_,
      {writing("insert into piped values ($1)", one), reading("select 1 / 0"), reading("select 2"),
       writing("insert into piped values ($1)", one), reading("select nonsense"),
       reading("select count(*) from piped where n = $1", text), reading("select 3"), reading(""),
       writing("insert into piped values (2)")});
  EXPECT_EQ(answers[0].result->affected_rows(), 1U);
  EXPECT_EQ(answers[1].error->sqlstate, "22012");
  EXPECT_EQ(answers[2].result->cell(0, 0).as_integer(), 2);
  EXPECT_EQ(answers[3].error->code, Errc::constraint);
  EXPECT_EQ(answers[3].error->constraint, "piped_pkey");
  EXPECT_EQ(answers[4].error->sqlstate, "42703");
  EXPECT_EQ(answers[5].error->code, Errc::invalid_argument);
  EXPECT_THAT(answers[5].error->message, Not(HasSubstr("secret")));
  EXPECT_EQ(answers[6].result->cell(0, 0).as_integer(), 3);
  EXPECT_EQ(answers[7].error->code, Errc::invalid_argument);
  EXPECT_EQ(answers[8].result->affected_rows(), 1U);
  EXPECT_EQ(first(*connection_, "select count(*) from piped"), "2");
}

TEST_F(PostgresPipeline, DoubtfulWritesAreInDoubtAsTheyAreAlone) {
  exec(*connection_,
       "create or replace function doubt() returns int language plpgsql as "
       "$$ begin raise exception 'doubt' using errcode = '40003'; end $$");
  const auto doubtful = writing("select doubt()");
  EXPECT_EQ(exec_error(*connection_, "select doubt()").code, Errc::outcome_unknown);
  const auto answers = pipeline(*connection_, {doubtful, reading("select doubt()")});
  EXPECT_EQ(answers[0].error->code, Errc::outcome_unknown);
  EXPECT_EQ(answers[1].error->code, Errc::unavailable);
  run(connection_->begin(within(kPatience), TransactionOptions{}));
  EXPECT_EQ(pipeline(*connection_, {doubtful})[0].error->code, Errc::unavailable);
  run(connection_->rollback(within(kPatience)));
}

TEST_F(PostgresPipeline, FailureInATransactionFailsTheRest) {
  run(connection_->begin(within(kPatience), {}));
  const auto answers = pipeline(*connection_, {writing("insert into piped values (1)"),
                                               writing("insert into piped values (1)"),
                                               writing("insert into piped values (2)")});
  EXPECT_TRUE(answers[0].result);
  EXPECT_EQ(answers[1].error->code, Errc::constraint);
  EXPECT_EQ(answers[2].error->code, Errc::conflict);
  EXPECT_EQ(connection_->transaction_state(), TransactionState::failed);
  run(connection_->rollback(within(kPatience)));
  EXPECT_EQ(first(*connection_, "select count(*) from piped"), "0");
}

TEST_F(PostgresPipeline, OutdatedStatementsArePreparedAnew) {
  EXPECT_TRUE(pipeline(*connection_, {reading("select * from piped")})[0].result);
  exec(*connection_, "alter table piped add m text");
  const auto answers = pipeline(
      *connection_, {reading("select 1"), reading("select * from piped"), reading("select 2")});
  EXPECT_EQ(answers[1].result->column_count(), 2U);
  EXPECT_EQ(answers[2].result->cell(0, 0).as_integer(), 2);
}

TEST_F(PostgresPipeline, MoreThanTheSocketsHoldGoesThrough) {
  const std::string large(100'000, 'x');
  const std::array params{ValueView::text(large)};
  const std::vector<Statement> statements(200, reading("select $1::text", params));
  for (const auto& answer : pipeline(*connection_, statements)) {
    ASSERT_TRUE(answer.result);
    EXPECT_EQ(answer.result->cell(0, 0).as_characters().size(), large.size());
  }
}

TEST_F(PostgresPipeline, SmallCacheServesManyStatements) {
  for (const auto* size : {"0", "2"}) {
    const auto connection =
        connect_to(cluster().url(0) + "?statement_cache_size=" + std::string(size));
    std::vector<std::string> texts;
    for (int i = 0; i < 10; ++i) texts.push_back(fmt::format("select {}::bigint", i));
    std::vector<Statement> statements;
    for (const auto& text : texts) statements.push_back(reading(text));
    for (int round = 0; round < 2; ++round) {
      const auto answers = pipeline(*connection, statements);
      for (std::size_t i = 0; i < answers.size(); ++i) {
        ASSERT_TRUE(answers[i].result) << answers[i].error->message;
        EXPECT_EQ(answers[i].result->cell(0, 0).as_integer(), static_cast<std::int64_t>(i));
      }
    }
    EXPECT_EQ(first(*connection, "select 1"), "1");
  }
}

TEST_F(PostgresPipeline, LostConnectionSaysOfEachWhetherItMayHaveRun) {
  const auto answers =
      pipeline(*connection_, {writing("insert into piped values (1)"),
                              writing("select pg_terminate_backend(pg_backend_pid())"),
                              reading("select 1"), writing("insert into piped values (2)")});
  EXPECT_TRUE(answers[0].result);
  EXPECT_EQ(answers[1].error->code, Errc::outcome_unknown);
  EXPECT_EQ(answers[2].error->code, Errc::unavailable);
  EXPECT_EQ(answers[3].error->code, Errc::outcome_unknown);
  EXPECT_FALSE(connection_->is_open());
  EXPECT_EQ(pipeline(*connection_, {reading("select 1")})[0].error->code, Errc::unavailable);
}

/// Rows (1, "row 1"), (2, "row 2"), …
class Numbers : public RowSource {
 public:
  explicit Numbers(std::int64_t count) : count_(count) {}

  bool next(std::span<ValueView> row) override {
    if (at_ == count_) return false;
    ++at_;
    text_ = fmt::format("row {}", at_);
    row[0] = ValueView::integer(at_ == count_ ? last_ : at_);
    row[1] = ValueView::text(text_);
    if (at_ == throws_at_) throw std::runtime_error("no more of this");
    return true;
  }

  void last_is(std::int64_t last) { last_ = last; }
  void throw_at(std::int64_t at) { throws_at_ = at; }

 private:
  const std::int64_t count_;
  std::int64_t at_ = 0;
  std::int64_t last_ = count_;
  std::int64_t throws_at_ = -1;
  std::string text_;
};

class PostgresLoad : public ::testing::Test {
 protected:
  void SetUp() override {
    exec(*connection_, "create table loaded (id int primary key, \"some text\" text)");
  }
  void TearDown() override { exec(*connection_, "drop table loaded"); }

  std::uint64_t load(RowSource& source) {
    static constexpr std::array<std::string_view, 2> columns{"id", "some text"};
    return run(
        connection_->load(within(kPatience), {.table = "loaded", .columns = columns}, source));
  }
  std::string count() { return first(*connection_, "select count(*) from loaded"); }

  const std::unique_ptr<Connection> connection_ = connect_to(0);
};

TEST_F(PostgresLoad, TakesAllRows) {
  Numbers source(100'000);
  EXPECT_EQ(load(source), 100'000U);
  EXPECT_EQ(first(*connection_,
                  "select sum(id) || max(\"some text\") from loaded where \"some "
                  "text\" = 'row ' || id"),
            "5000050000row 99999");
  Numbers nothing(0);
  EXPECT_EQ(load(nothing), 0U);
}

TEST_F(PostgresLoad, TakesAllOfThemOrNone) {
  Numbers twice(10'000);
  twice.last_is(1);
  const auto error = error_of([&] { load(twice); });
  EXPECT_EQ(error.code, Errc::constraint);
  EXPECT_EQ(error.constraint, "loaded_pkey");
  Numbers throwing(10'000);
  throwing.throw_at(9'000);
  EXPECT_THROW(load(throwing), std::runtime_error);
  Numbers large(10'000);
  large.last_is(9'876'543'210);
  const auto refused = error_of([&] { load(large); });
  EXPECT_EQ(refused.code, Errc::invalid_argument);
  EXPECT_THAT(refused.message, HasSubstr("row 10000, column \"id\""));
  EXPECT_THAT(refused.message, Not(HasSubstr("9876543210")));
  EXPECT_EQ(count(), "0");
}

TEST_F(PostgresLoad, IsPartOfAnOpenTransaction) {
  run(connection_->begin(within(kPatience), {}));
  Numbers source(10);
  EXPECT_EQ(load(source), 10U);
  EXPECT_EQ(count(), "10");
  run(connection_->rollback(within(kPatience)));
  EXPECT_EQ(count(), "0");
}

TEST_F(PostgresLoad, TableThatIsNotThereIsAnErrorAndNothingIsLost) {
  Numbers source(1);
  static constexpr std::array<std::string_view, 1> columns{"id"};
  EXPECT_EQ(error_of([&] {
              run(connection_->load(within(kPatience),
                                    {.table = "no such \"table\"", .columns = columns}, source));
            }).sqlstate,
            "42P01");
  EXPECT_EQ(count(), "0");
}

TEST_F(PostgresLoad, FollowsATableThatHasChanged) {
  Numbers before(1);
  EXPECT_EQ(load(before), 1U);
  exec(*connection_, "delete from loaded");
  exec(*connection_, "alter table loaded alter id type real");  // of the same size
  Numbers after(1);
  EXPECT_EQ(load(after), 1U);
  EXPECT_EQ(first(*connection_, "select id from loaded"), "1");
}

TEST_F(PostgresLoad, LeavesNoTransactionBehindWhateverFails) {
  Numbers throwing(10);
  throwing.throw_at(5);
  EXPECT_THROW(load(throwing), std::runtime_error);
  EXPECT_EQ(connection_->transaction_state(), TransactionState::none);
  exec(*connection_,
       "create function refuse() returns trigger language plpgsql as "
       "'begin raise exception ''no''; end'");
  exec(*connection_,
       "create constraint trigger at_the_end after insert on loaded deferrable "
       "initially deferred for each row execute function refuse()");
  Numbers refused(10);
  EXPECT_EQ(error_of([&] { load(refused); }).sqlstate, "P0001");
  EXPECT_EQ(connection_->transaction_state(), TransactionState::none);
  EXPECT_EQ(count(), "0");
  exec(*connection_, "drop trigger at_the_end on loaded");
  exec(*connection_, "drop function refuse()");
}

TEST_F(PostgresLoad, HungServerEndsItAtTheDeadlineWithNothingInDoubt) {
  const auto connection = connect_to(0);
  exec(*connection, "create table if not exists hung_load (id int, \"some text\" text)");
  static constexpr std::array<std::string_view, 2> columns{"id", "some text"};
  Numbers warm(1);
  run(connection->load(within(kPatience), {.table = "hung_load", .columns = columns}, warm));
  {
    const Hung hung(cluster(), 0);
    Numbers source(10);
    EXPECT_EQ(
        error_of([&] {
          run(connection->load(within(200ms), {.table = "hung_load", .columns = columns}, source));
        }).code,
        Errc::timeout);
  }
  EXPECT_FALSE(connection->is_open());
  exec(*connect_to(0), "drop table hung_load");
}

TEST(PostgresCancel, AnotherThreadEndsAStatementAndTheConnectionServesOn) {
  const auto connection = connect_to(0);
  const auto canceller = connection->canceller();
  auto error = std::async(std::launch::async,
                          [&] { return exec_error(*connection, "select pg_sleep(60)"); });
  const auto watcher = connect_to(0);
  await(*watcher,
        "select count(*) from pg_stat_activity where query = 'select pg_sleep(60)' and "
        "wait_event = 'PgSleep'",
        "1");
  run(canceller->cancel(within(kPatience)));
  EXPECT_EQ(error.get().code, Errc::cancelled);
  EXPECT_TRUE(connection->is_open());
  EXPECT_EQ(first(*connection, "select 1"), "1");
}

TEST(PostgresCancel, DoesNotMindAConnectionThatIsIdleOrGone) {
  auto connection = connect_to(0);
  const auto canceller = connection->canceller();
  run(canceller->cancel(within(kPatience)));
  connection.reset();
  run(canceller->cancel(within(kPatience)));
}

TEST(PostgresCancel, UndeliveredRequestIsAnError) {
  const auto connection = connect_to(1);
  const auto canceller = connection->canceller();
  const Hung hung(cluster(), 1);
  EXPECT_EQ(error_of([&] { run(canceller->cancel(within(100ms))); }).code, Errc::timeout);
}

TEST(PostgresCancel, DeadlineCancelsTheStatementAndLeavesTheConnection) {
  const auto connection = connect_to(cluster().url(0) + "?cancel_timeout=60000");
  exec(*connection, "create table if not exists cancelled (n int)");
  const auto error = exec_error(*connection, "insert into cancelled select 1 from pg_sleep(60)",
                                Effect::write, 150ms);
  EXPECT_EQ(error.code, Errc::timeout);
  EXPECT_THAT(error.message, HasSubstr("changed nothing"));
  EXPECT_TRUE(connection->is_open());
  EXPECT_EQ(first(*connection, "select count(*) from cancelled"), "0");
  exec(*connection, "drop table cancelled");
}

TEST(PostgresCancel, TimeoutOfZeroClosesTheConnectionAtOnce) {
  const auto connection = connect_to(cluster().url(0) + "?cancel_timeout=0");
  EXPECT_EQ(exec_error(*connection, "select 1 from pg_sleep(60)", Effect::write, 100ms).code,
            Errc::outcome_unknown);
  EXPECT_FALSE(connection->is_open());
}

}  // namespace
}  // namespace grant::test
