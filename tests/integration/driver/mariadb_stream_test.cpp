// Streaming, loading and cancelling.

#include <fmt/format.h>
#include <array>

#include <functional>
#include <future>

#include "integration/driver/mariadb_fixture.hpp"

namespace grant::test {
namespace {

using ::testing::HasSubstr;
using namespace std::chrono_literals;

std::unique_ptr<RowStream> stream_of(Connection& connection, std::string_view sql,
                                     std::vector<ValueView> params = {},
                                     std::size_t chunk_rows = 1'000) {
  Statement statement;
  statement.sql = sql;
  statement.params = params;
  statement.effect = Effect::read;
  StreamOptions options;
  options.chunk_rows = chunk_rows;
  return run(connection.stream(within(kPatience), statement, options));
}

const Result* next(RowStream& rows) { return run(rows.next(within(kPatience))); }

TEST(MariadbStream, GivesAllRowsInChunks) {
  const auto connection = connect_to(0);
  const auto rows = stream_of(*connection,
                              "select seq, concat('n', seq) from seq_1_to_2500 "
                              "where seq > $1 order by seq",
                              {ValueView::integer(0)});
  std::vector<std::size_t> sizes;
  std::int64_t expected = 0;
  while (const Result* chunk = next(*rows)) {
    sizes.push_back(chunk->row_count());
    for (std::size_t row = 0; row < chunk->row_count(); ++row) {
      ASSERT_EQ(chunk->cell(row, 0).as_integer(), ++expected);
      ASSERT_EQ(chunk->cell(row, 1).as_characters(), fmt::format("n{}", expected));
    }
  }
  EXPECT_THAT(sizes, ::testing::ElementsAre(1000, 1000, 500));
  EXPECT_EQ(next(*rows), nullptr);
  EXPECT_EQ(first(*connection, "select 1"), "1");
}

TEST(MariadbStream, GivesLongCellsWhole) {
  const auto connection = connect_to(0);
  const auto rows = stream_of(
      *connection, "select repeat('ab', seq * 20) from seq_1_to_5000 where seq % 1000 = 0", {}, 2);
  std::size_t expected = 0;
  while (const Result* chunk = next(*rows)) {
    for (std::size_t row = 0; row < chunk->row_count(); ++row) {
      const auto text = chunk->cell(row, 0).as_characters();
      expected += 40'000;
      ASSERT_EQ(text.size(), expected);
      ASSERT_EQ(text.find_first_not_of("ab"), std::string_view::npos);
    }
  }
  EXPECT_EQ(expected, 200'000U);
}

TEST(MariadbStream, EndsEarlyWithoutReadingTheRest) {
  for (const auto* tls : {"?ssl-mode=disabled", "?ssl-mode=required"}) {
    const auto connection = connect_to(cluster().url(0) + tls);
    const auto id = first(*connection, "select connection_id()");
    const auto rows = stream_of(*connection, "select seq, md5(seq) from seq_1_to_1000000000");
    ASSERT_NE(next(*rows), nullptr);
    // All of it would take many minutes.
    run(rows->close(within(kPatience)));
    EXPECT_EQ(next(*rows), nullptr);
    EXPECT_EQ(first(*connection, "select connection_id()"), id);
  }
}

TEST(MariadbStream, EndedEarlyInATransactionLeavesItOpen) {
  const auto connection = connect_to(0);
  exec(*connection, "create table kept (a int)");
  run(connection->begin(within(kPatience), TransactionOptions{}));
  exec(*connection, "insert into kept values (1)");
  const auto rows = stream_of(*connection, "select seq from seq_1_to_1000000000");
  ASSERT_NE(next(*rows), nullptr);
  run(rows->close(within(kPatience)));
  EXPECT_EQ(connection->transaction_state(), TransactionState::open);
  run(connection->commit(within(kPatience)));
  EXPECT_EQ(first(*connection, "select count(*) from kept"), "1");
  exec(*connection, "drop table kept");
}

TEST(MariadbStream, RefusesEverythingElseMeanwhile) {
  const auto connection = connect_to(0);
  {
    const auto rows = stream_of(*connection, "select seq from seq_1_to_10", {}, 3);
    ASSERT_NE(next(*rows), nullptr);
    EXPECT_EQ(exec_error(*connection, "select 1").code, Errc::invalid_argument);
    EXPECT_EQ(error_of([&] { return run(connection->probe(within(kPatience))); }).code,
              Errc::invalid_argument);
    EXPECT_EQ(error_of([&] { return stream_of(*connection, "select 1"); }).code,
              Errc::invalid_argument);
    ASSERT_NE(next(*rows), nullptr);
  }
  // It was destroyed on its way.
  EXPECT_FALSE(connection->is_open());
}

TEST(MariadbStream, ErrorsAmongTheRowsEndIt) {
  const auto connection = connect_to(0);
  const auto rows = stream_of(
      *connection, "select if(seq < 2000, seq, (select 1 union select 2)) from seq_1_to_3000");
  std::size_t seen = 0;
  const auto error = error_of([&] {
    while (const Result* chunk = next(*rows)) seen += chunk->row_count();
    return 0;
  });
  EXPECT_EQ(error.native, 1242) << error.message;
  EXPECT_EQ(next(*rows), nullptr);
  EXPECT_EQ(first(*connection, "select 1"), "1");
}

TEST(MariadbStream, StatementsWithoutRowsAndOnesThatCannotBePreparedWork) {
  const auto connection = connect_to(0);
  EXPECT_EQ(next(*stream_of(*connection, "select 1 from dual where 1 = 0")), nullptr);
  EXPECT_EQ(next(*stream_of(*connection, "do 0")), nullptr);
  EXPECT_EQ(error_of([&] { return stream_of(*connection, "select * from missing"); }).native, 1146);
  EXPECT_EQ(first(*connection, "select 1"), "1");
}

/// Rows made by a function, which says when there are no more.
class Rows final : public RowSource {
 public:
  using Make = std::function<bool(std::size_t number, std::span<ValueView> row)>;
  explicit Rows(Make make) : make_(std::move(make)) {}
  bool next(std::span<ValueView> row) override { return make_(number_++, row); }

 private:
  Make make_;
  std::size_t number_ = 0;
};

std::uint64_t load(Connection& connection, std::string_view table,
                   const std::vector<std::string_view>& columns, const Rows::Make& make) {
  Rows rows(make);
  LoadTarget target;
  target.table = table;
  target.columns = columns;
  return run(connection.load(within(kPatience), target, rows));
}

TEST(MariadbLoad, InsertsRowsOfEveryKind) {
  const auto connection = connect_to(0);
  exec(*connection,
       "create table \"lo\"\"aded\" (id int primary key, \"b\"\"\" boolean, u bigint unsigned, r "
       "double, d decimal(20, 4), t text, x blob, day date, at time(6), ts datetime(6), u16 uuid, "
       "j json)");
  const auto uuid = Uuid::parse("0190b2f6-6f6e-7c3a-8d3f-2b9a4c1d0e5f").value();
  std::string text;
  const auto made = load(
      *connection, "lo\"aded",
      {"id", "b\"", "u", "r", "d", "t", "x", "day", "at", "ts", "u16", "j"},
      [&](std::size_t number, std::span<ValueView> row) {
        if (number == 10'000) return false;
        text = fmt::format("text \xC3\xA4 {}", number);
        row[0] = ValueView::integer(static_cast<std::int64_t>(number));
        if (number % 3 == 0) return true;  // the rest is null
        row[1] = ValueView::boolean(number % 2 == 0);
        row[2] = ValueView::unsigned_integer(18'446'744'073'709'551'615U);
        row[3] = ValueView::real(0.1);
        row[4] = ValueView::decimal("-1234567890123456.0001");
        row[5] = ValueView::text(text);
        row[6] = ValueView::bytes(std::as_bytes(std::span("\0\xFF", 2)));
        row[7] = ValueView::date(Date(std::chrono::days(20'000)));
        row[8] = ValueView::time(TimeOfDay{24h});
        row[9] = ValueView::timestamp(Timestamp(std::chrono::microseconds(1'700'000'000'000'001)));
        row[10] = ValueView::uuid(uuid);
        row[11] = ValueView::json("{\"a\": 1}");
        return true;
      });
  EXPECT_EQ(made, 10'000U);
  EXPECT_EQ(first(*connection, "select count(*) from \"lo\"\"aded\" where t is null"), "3334");
  const auto rows = exec(*connection, "select * from \"lo\"\"aded\" where id = 9998");
  EXPECT_TRUE(rows->cell(0, 1).as_boolean());
  EXPECT_EQ(rows->cell(0, 2).as_unsigned_integer(), 18'446'744'073'709'551'615U);
  EXPECT_EQ(rows->cell(0, 3).as_real(), 0.1);
  EXPECT_EQ(rows->cell(0, 4).as_characters(), "-1234567890123456.0001");
  EXPECT_EQ(rows->cell(0, 5).as_characters(), "text \xC3\xA4 9998");
  EXPECT_EQ(rows->cell(0, 6).as_characters(), std::string_view("\0\xFF", 2));
  EXPECT_EQ(format_date(rows->cell(0, 7).as_date()), "2024-10-04");
  EXPECT_EQ(rows->cell(0, 8).as_time().since_midnight, 24h);
  EXPECT_EQ(rows->cell(0, 9).as_timestamp().time_since_epoch().count(), 1'700'000'000'000'001);
  EXPECT_EQ(rows->cell(0, 10).as_uuid(), uuid);
  EXPECT_EQ(rows->cell(0, 11).kind(), ValueKind::json);
  exec(*connection, "drop table \"lo\"\"aded\"");
}

TEST(MariadbLoad, TakesColumnsWhoseKindChangesAndRowsLargerThanABatch) {
  const auto connection = connect_to(0);
  exec(*connection, "create table mixed (id int primary key auto_increment, v longtext)");
  const std::string large(3'000'000, 'x');
  load(*connection, "mixed", {"v"}, [&](std::size_t number, std::span<ValueView> row) {
    if (number % 4 == 0) row[0] = ValueView::integer(7);
    if (number % 4 == 1) row[0] = ValueView::text("seven");
    if (number == 6) row[0] = ValueView::text(large);
    return number < 12;
  });
  EXPECT_EQ(first(*connection,
                  "select group_concat(ifnull(if(length(v) > 9, length(v), v), '-') order by id "
                  "separator ' ') from mixed"),
            "7 seven - - 7 seven 3000000 - 7 seven - -");
  exec(*connection, "drop table mixed");
}

TEST(MariadbLoad, InsertsAllOrNothing) {
  const auto connection = connect_to(0);
  exec(*connection, "create table whole (id int primary key)");
  const auto up_to = [](std::size_t bad, const std::function<void(std::span<ValueView>)>& spoil) {
    return [=](std::size_t number, std::span<ValueView> row) {
      row[0] = ValueView::integer(static_cast<std::int64_t>(number));
      if (number == bad) spoil(row);
      return number < 20'000;
    };
  };
  const auto duplicate = up_to(19'000, [](auto row) { row[0] = ValueView::integer(1); });
  const auto unfit = up_to(19'000, [](auto row) { row[0] = ValueView::array({}); });
  const auto broken = up_to(19'000, [](auto) { throw std::runtime_error("source"); });
  const auto count = [&] { return first(*connection, "select count(*) from whole"); };

  auto error = error_of([&] { return load(*connection, "whole", {"id"}, duplicate); });
  EXPECT_EQ(error.code, Errc::constraint);
  EXPECT_EQ(error.constraint, "PRIMARY");
  EXPECT_EQ(count(), "0");
  error = error_of([&] { return load(*connection, "whole", {"id"}, unfit); });
  EXPECT_EQ(error.code, Errc::invalid_argument);
  EXPECT_THAT(error.message, HasSubstr("row 19001"));
  EXPECT_EQ(count(), "0");
  EXPECT_THROW(load(*connection, "whole", {"id"}, broken), std::runtime_error);
  EXPECT_EQ(count(), "0");
  EXPECT_EQ(connection->transaction_state(), TransactionState::none);

  run(connection->begin(within(kPatience), TransactionOptions{}));
  exec(*connection, "insert into whole values (20000)");
  error = error_of([&] { return load(*connection, "whole", {"id"}, duplicate); });
  EXPECT_EQ(error.code, Errc::constraint);
  EXPECT_EQ(connection->transaction_state(), TransactionState::open);
  EXPECT_EQ(count(), "1");
  const auto good = up_to(30'000, [](auto) {});
  EXPECT_EQ(load(*connection, "whole", {"id"}, good), 20'000U);
  run(connection->commit(within(kPatience)));
  EXPECT_EQ(count(), "20001");
  exec(*connection, "drop table whole");
}

constexpr auto kSlow = "select count(*) from seq_1_to_100000000000 where seq % 7 = 8";

TEST(MariadbCancel, EndsTheStatementAndKeepsTheConnection) {
  const auto connection = connect_to(0);
  const auto canceller = connection->canceller();
  auto error = std::async(std::launch::async,
                          [&] { return exec_error(*connection, kSlow, {}, Effect::read); });
  EXPECT_TRUE(eventually([&] { return running(kSlow) == 1; }));
  run(canceller->cancel(within(kPatience)));
  const auto info = error.get();
  EXPECT_EQ(info.code, Errc::cancelled);
  EXPECT_EQ(info.native, 1317);
  EXPECT_EQ(first(*connection, "select 1"), "1");
}

TEST(MariadbCancel, OfASessionThatIsGoneDoesNothing) {
  auto connection = connect_to(0);
  const auto canceller = connection->canceller();
  const auto id = first(*connection, "select connection_id()");
  connection.reset();
  EXPECT_TRUE(eventually([&] {
    return cluster().sql(
               0, "select count(*) from information_schema.processlist where id = " + id) == "0";
  }));
  run(canceller->cancel(within(kPatience)));
}

TEST(MariadbDeadline, CancelsTheStatementAndKeepsTheConnection) {
  for (const auto* tls : {"ssl-mode=disabled", "ssl-mode=required"}) {
    const auto connection = connect_to(cluster().url(0) + "?cancel_timeout=20000&" + tls);
    const auto id = first(*connection, "select connection_id()");
    const auto error = exec_error(*connection, kSlow, {}, Effect::read, 100ms);
    EXPECT_EQ(error.code, Errc::timeout);
    EXPECT_THAT(error.message, HasSubstr("the connection can be used"));
    EXPECT_EQ(first(*connection, "select connection_id()"), id);
  }
}

TEST(MariadbDeadline, ClosesTheConnectionAtOnceWhereNoTimeIsGivenToCancel) {
  const auto connection = connect_to(cluster().url(0) + "?cancel_timeout=0");
  const auto id = first(*connection, "select connection_id()");
  const auto error = exec_error(*connection, kSlow, {}, Effect::read, 100ms);
  EXPECT_EQ(error.code, Errc::timeout);
  EXPECT_THAT(error.message, HasSubstr("the connection was closed"));
  EXPECT_FALSE(connection->is_open());
  // The server does not notice while it runs a statement.
  cluster().sql(0, "kill " + id);
}

TEST(MariadbDeadline, CancelledWriteDidNotRun) {
  const auto connection = connect_to(cluster().url(0) + "?cancel_timeout=20000");
  exec(*connection, "create table undone (a bigint)");
  exec(*connection, "insert into undone values (0)");
  const std::string update = "update undone set a = a + 1 where sleep(30) = 0";
  auto error = exec_error(*connection, update, {}, Effect::write, 200ms);
  EXPECT_EQ(error.code, Errc::timeout) << error.message;
  EXPECT_EQ(first(*connection, "select a from undone"), "0");

  run(connection->begin(within(kPatience), TransactionOptions{}));
  exec(*connection, "insert into undone values (7)");
  error = exec_error(*connection, "insert into undone select seq from seq_1_to_100000000000", {},
                     Effect::write, 200ms);
  EXPECT_EQ(error.code, Errc::timeout) << error.message;
  EXPECT_EQ(connection->transaction_state(), TransactionState::open);
  run(connection->commit(within(kPatience)));
  EXPECT_EQ(first(*connection, "select group_concat(a) from undone"), "0,7");
  exec(*connection, "drop table undone");
}

TEST(MariadbDeadline, WaitForALockIsCancelled) {
  const auto one = connect_to(0);
  const auto two = connect_to(cluster().url(0) + "?cancel_timeout=20000");
  exec(*one, "create table contended (id int primary key)");
  exec(*one, "insert into contended values (1)");
  run(one->begin(within(kPatience), TransactionOptions{}));
  exec(*one, "update contended set id = 2");
  const auto error = exec_error(*two, "update contended set id = 3", {}, Effect::write, 200ms);
  EXPECT_EQ(error.code, Errc::timeout);
  EXPECT_TRUE(two->is_open());
  run(one->rollback(within(kPatience)));
  EXPECT_EQ(first(*two, "select id from contended"), "1");
  exec(*one, "drop table contended");
}

// What a cancelled statement did to a table without transactions stays.
TEST(MariadbDeadline, CancelledWriteToATableWithoutTransactionsMayHaveRunInPart) {
  const auto connection = connect_to(cluster().url(0) + "?cancel_timeout=20000");
  exec(*connection, "create table partly (a bigint) engine = MyISAM");
  const auto error =
      exec_error(*connection, "insert into partly select seq from seq_1_to_100000000000", {},
                 Effect::write, 300ms);
  EXPECT_EQ(error.code, Errc::outcome_unknown);
  EXPECT_NE(first(*connection, "select count(*) from partly"), "0");
  exec(*connection, "drop table partly");
}

TEST(MariadbDeadline, EndsAStreamAndKeepsTheConnection) {
  const auto connection = connect_to(cluster().url(0) + "?cancel_timeout=20000");
  // The server sends the first rows once they fill its buffer.
  const auto rows = stream_of(
      *connection, "select seq from seq_1_to_100000000000 where seq < 20000 or seq % 7 = 8", {},
      1'000);
  const auto error = error_of([&] {
    while (run(rows->next(within(200ms))) != nullptr) {
    }
  });
  EXPECT_EQ(error.code, Errc::timeout) << error.message;
  EXPECT_EQ(next(*rows), nullptr);
  EXPECT_EQ(first(*connection, "select 1"), "1");
}

TEST(MariadbLoad, LeavesAStatementOfTheSameTextAsItWas) {
  const auto connection = connect_to(0);
  exec(*connection, "create or replace table twice (a bigint)");
  const auto insert = [&] {
    exec(*connection, "INSERT INTO `twice` (`a`) VALUES ($1)", {ValueView::integer(1)});
  };
  insert();
  load(*connection, "twice", {"a"}, [](std::size_t number, std::span<ValueView> row) {
    row[0] = ValueView::integer(2);
    return number < 3;
  });
  insert();
  EXPECT_EQ(first(*connection, "select count(*) from twice"), "5");
  exec(*connection, "drop table twice");
}

TEST(MariadbStreams, ProceduresGiveTheirRows) {
  const auto connection = connect_to(0);
  exec(*connection, "create procedure streamed(n int) begin select n; select 8, 9; end");
  for (int n = 1; n < 4; ++n) {
    const std::array params{ValueView::integer(n)};
    Statement statement;
    statement.sql = "call streamed($1)";
    statement.params = params;
    statement.effect = Effect::read;
    const auto rows = run(connection->stream(within(kPatience), statement, {}));
    const auto* chunk = run(rows->next(within(kPatience)));
    ASSERT_NE(chunk, nullptr);
    EXPECT_EQ(text_of(chunk->cell(0, 0)), std::to_string(n));
    EXPECT_EQ(run(rows->next(within(kPatience))), nullptr);
  }
  exec(*connection, "drop procedure streamed");
}

}  // namespace
}  // namespace grant::test
