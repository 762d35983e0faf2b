// What is kept of a statement never outlives the schema that it was made for.

#include <array>
#include <chrono>

#include "contract/contract_schema_changes.hpp"
#include "grant/core/date.hpp"
#include "grant/core/timestamp.hpp"
#include "grant/core/uuid.hpp"

namespace grant::contract {
namespace {

using namespace std::chrono_literals;

io::Call patient() { return io::Call(io::blocking_waiter(), after(Clock::system().now(), 60s)); }

class OneRow final : public RowSource {
 public:
  explicit OneRow(ValueView value) : value_(value) {}
  bool next(std::span<ValueView> row) override {
    row[0] = value_;
    return !std::exchange(given_, true);
  }

 private:
  ValueView value_;
  bool given_ = false;
};

}  // namespace

std::vector<SchemaChange::Kind> SchemaChange::kinds() {
  static const auto uuid = *Uuid::parse("00112233-4455-6677-8899-aabbccddeeff");
  static const auto time = *parse_timestamp("2026-03-04 05:06:07.089123");
  static const std::string bytes("\0\xff\\x41", 6);
  return {
      {"{boolean}", ValueView::boolean(true)},
      {"{integer}", ValueView::integer(9'007'199'254'740'993)},
      {"{real}", ValueView::real(0.1)},
      {"{decimal}", ValueView::decimal("12345678901234567890.5")},
      {"{text}", ValueView::text("00112233-4455-6677-8899-AABBCCDDEEFF")},
      {"{bytes}", ValueView::bytes(std::as_bytes(std::span(bytes)))},
      {"{date}", ValueView::date(std::chrono::floor<std::chrono::days>(time))},
      {"{timestamp}", ValueView::timestamp(time)},
      {"{uuid}", ValueView::uuid(uuid)},
      {"{json}", ValueView::json(R"({"a": 1})")},
  };
}

void SchemaChange::SetUp() {
  Contract::SetUp();
  name_ = table("v {integer}");
  insert_ = "INSERT INTO " + name_ + " (v) VALUES ($1)";
  select_ = "SELECT v FROM " + name_;
  other_ = connect();
}

void SchemaChange::TearDown() {
  other_.reset();
  Contract::TearDown();
}

void SchemaChange::make_anew(Connection& by, std::string_view type) {
  run_on(by, "DROP TABLE " + name_);
  run_on(by, with_types("CREATE TABLE " + name_ + " (v " + std::string(type) + ")"));
}

void SchemaChange::put(Way way, ValueView value) {
  switch (way) {
    case Way::execute: run(insert_, {value}); return;
    case Way::pipeline: {
      const std::array statements{Statement{insert_, {&value, 1}, Effect::write}};
      const auto answers = grant::run(connection().pipeline(patient(), statements));
      ASSERT_FALSE(answers[0].error) << answers[0].error->message;
      return;
    }
    case Way::load: {
      OneRow row(value);
      const std::vector<std::string_view> columns{"v"};
      grant::run(connection().load(patient(), {.table = name_, .columns = columns}, row));
      return;
    }
  }
}

void SchemaChange::expect_all_ways(ValueView value) {
  expect_cell(*run(select_), value);
  const std::array queries{Statement{select_, {}, Effect::read},
                           Statement{select_, {}, Effect::read}};
  const auto answers = grant::run(connection().pipeline(patient(), queries));
  for (const auto& answer : answers) {
    ASSERT_FALSE(answer.error) << answer.error->message;
    expect_cell(*answer.result, value);
  }
  const auto rows = grant::run(connection().stream(patient(), queries[0], {}));
  const Result* chunk = grant::run(rows->next(patient()));
  ASSERT_NE(chunk, nullptr);
  expect_cell(*chunk, value);
  EXPECT_EQ(grant::run(rows->next(patient())), nullptr);
  expect_cell(*run("DELETE FROM " + name_ + " RETURNING v"), value);
}

void SchemaChange::expect_cell(const Result& rows, ValueView value) {
  ASSERT_EQ(rows.row_count(), 1U);
  const auto cell = rows.cell(0, 0);
  ASSERT_EQ(cell.kind(), value.kind());
  if (value.kind() == ValueKind::json) return;  // engines lay it out as they like
  if (value.kind() == ValueKind::decimal) {     // and add noughts
    EXPECT_TRUE(cell.as_characters().starts_with(value.as_characters()));
    return;
  }
  switch (value.kind()) {
    case ValueKind::boolean: EXPECT_EQ(cell.as_boolean(), value.as_boolean()); return;
    case ValueKind::integer: EXPECT_EQ(cell.as_integer(), value.as_integer()); return;
    case ValueKind::real: EXPECT_EQ(cell.as_real(), value.as_real()); return;
    case ValueKind::date: EXPECT_EQ(cell.as_date(), value.as_date()); return;
    case ValueKind::timestamp: EXPECT_EQ(cell.as_timestamp(), value.as_timestamp()); return;
    default: EXPECT_EQ(cell.as_characters(), value.as_characters()); return;
  }
}

void SchemaChange::warm_up(const Kind& kind) {
  for (const auto way : {Way::execute, Way::pipeline, Way::load}) {
    put(way, kind.value);
    expect_all_ways(kind.value);
  }
}

TEST_P(SchemaChange, EveryTypeMayBecomeEveryOther) {
  const auto all = kinds();
  for (std::size_t i = 0; i < all.size(); ++i) {
    for (std::size_t j = 0; j < all.size(); ++j) {
      if (i == j) continue;
      SCOPED_TRACE(std::string(all[i].type) + " becomes " + all[j].type);
      make_anew(connection(), all[i].type);
      put(Way::execute, all[i].value);
      expect_cell(*run(select_), all[i].value);
      make_anew((i + j) % 2 == 0 ? connection() : other(), all[j].type);
      put(Way::execute, all[j].value);
      expect_cell(*run(select_), all[j].value);
      if (HasFailure()) return;
    }
  }
}

TEST_P(SchemaChange, IsFollowedByEveryWayInAndOut) {
  const auto all = kinds();
  for (std::size_t i = 0; i < all.size(); ++i) {
    const auto& before = all[i];
    const auto& now = all[(i + 1) % all.size()];
    SCOPED_TRACE(std::string(before.type) + " becomes " + now.type);
    make_anew(connection(), before.type);
    warm_up(before);
    for (const auto way : {Way::execute, Way::pipeline, Way::load}) {
      make_anew(i % 2 == 0 ? connection() : other(), before.type);
      put(way, before.value);
      make_anew(i % 2 == 0 ? other() : connection(), now.type);
      put(way, now.value);
      expect_all_ways(now.value);
      if (HasFailure()) return;
    }
  }
}

TEST_P(SchemaChange, InATransactionIsFollowedWithinIt) {
  if (backend().driver().adapter() == Adapter::mariadb) GTEST_SKIP() << "DDL ends a transaction";
  make_anew(connection(), "{integer}");
  put(Way::execute, ValueView::integer(1));
  expect_cell(*run(select_), ValueView::integer(1));
  begin();
  make_anew(connection(), "{text}");
  put(Way::execute, ValueView::text("inside"));
  expect_cell(*run(select_), ValueView::text("inside"));
  rollback();
  // What was learnt of the table inside is as gone as the table.
  put(Way::execute, ValueView::integer(2));
  EXPECT_EQ(run(select_)->row_count(), 2U);
  EXPECT_EQ(run(select_)->cell(0, 0).kind(), ValueKind::integer);
}

TEST_P(SchemaChange, IsSeenByOthersWhenItIsCommitted) {
  if (!backend().traits().serves_side_by_side) GTEST_SKIP() << "there are no others meanwhile";
  if (backend().driver().adapter() == Adapter::mariadb) GTEST_SKIP() << "DDL ends a transaction";
  const auto second = table("w {integer}");
  const auto put_second = [&](ValueView value) {
    run_on(other(), "INSERT INTO " + second + " (w) VALUES ($1)", {value});
  };
  put_second(ValueView::integer(1));
  begin();
  run("CREATE TABLE " + second + "_new (w " + with_types("{text}") + ")");
  if (backend().driver().adapter() != Adapter::sqlite) put_second(ValueView::integer(2));
  run("DROP TABLE " + second);
  run("ALTER TABLE " + second + "_new RENAME TO " + second);
  commit();
  put_second(ValueView::text("three"));
  EXPECT_EQ(number("SELECT count(*) FROM " + second + " WHERE w = 'three'"), 1);
}

TEST_P(SchemaChange, ColumnsComeGoAndAreRenamed) {
  const auto wide = table("a {integer}, b {text}");
  const auto query = "SELECT * FROM " + wide;
  const auto insert = "INSERT INTO " + wide + " (a) VALUES (1) RETURNING *";
  const auto names = [](const Result& rows) {
    std::string all;
    for (std::size_t i = 0; i < rows.column_count(); ++i) {
      all += std::string(rows.column_name(i)) + " ";
    }
    return all;
  };
  const auto expect = [&](std::string_view expected) {
    EXPECT_EQ(names(*run(insert)), expected);
    EXPECT_EQ(names(*run(query)), expected);
    const auto rows = grant::run(connection().stream(patient(), {query, {}, Effect::read}, {}));
    const Result* chunk = grant::run(rows->next(patient()));
    ASSERT_NE(chunk, nullptr);
    EXPECT_EQ(names(*chunk), expected);
    grant::run(rows->close(patient()));
  };
  expect("a b ");
  run_on(other(), with_types("ALTER TABLE " + wide + " ADD COLUMN c {integer}"));
  expect("a b c ");
  run_on(other(), "ALTER TABLE " + wide + " DROP COLUMN b");
  expect("a c ");
  run_on(other(), "ALTER TABLE " + wide + " RENAME COLUMN c TO d");
  expect("a d ");
  run("ALTER TABLE " + wide + " RENAME COLUMN d TO e");
  expect("a e ");
}

TEST_P(SchemaChange, ATemporaryTableStandsBeforeTheOtherOne) {
  make_anew(connection(), "{integer}");
  put(Way::execute, ValueView::integer(1));
  expect_cell(*run(select_), ValueView::integer(1));
  run(with_types("CREATE TEMPORARY TABLE " + name_ + " (v {text})"));
  put(Way::execute, ValueView::text("hidden"));
  expect_cell(*run(select_), ValueView::text("hidden"));
  run("DROP TABLE " + name_);
  put(Way::execute, ValueView::integer(2));
  EXPECT_EQ(number("SELECT count(*) FROM " + name_), 2);
}

TEST_P(SchemaChange, ValueThatDoesNotFitIsStillRefusedAndKeepsTheStatement) {
  make_anew(connection(), "{integer}");
  put(Way::execute, ValueView::integer(1));
  for (int i = 0; i < 3; ++i) {
    const auto error =
        error_of([&] { run(insert_, {ValueView::text(std::string_view("a\0b", 3))}); });
    EXPECT_EQ(error.code, Errc::invalid_argument);
  }
  put(Way::execute, ValueView::integer(2));
  EXPECT_EQ(number("SELECT count(*) FROM " + name_), 2);
}

}  // namespace grant::contract
