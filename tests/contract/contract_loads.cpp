// Loading inserts all rows or none.

#include <chrono>
#include <stdexcept>

#include "contract/contract.hpp"
#include "grant/core/date.hpp"
#include "grant/core/decimal.hpp"
#include "grant/core/timestamp.hpp"
#include "grant/core/uuid.hpp"

namespace grant::contract {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::Not;

io::Call patient() { return io::Call(io::blocking_waiter(), after(Clock::system().now(), 60s)); }

/// Rows made one by one: `make` fills the row with this number, counted from 0.
class MadeRows final : public RowSource {
 public:
  using Make = std::function<void(std::size_t number, std::span<ValueView> row)>;

  MadeRows(std::size_t count, Make make) : count_(count), make_(std::move(make)) {}

  bool next(std::span<ValueView> row) override {
    if (made_ == count_) return false;
    make_(made_++, row);
    return true;
  }

 private:
  const std::size_t count_;
  const Make make_;
  std::size_t made_ = 0;
};

/// A schema that goes when this does, with what is in it.
class NamedSchema {
 public:
  NamedSchema(const Backend& backend, Connection& connection, std::string_view name)
      : backend_(backend), connection_(connection), name_(name) {
    backend_.make_schema(connection_, name_);
  }
  ~NamedSchema() { backend_.drop_schema(connection_, name_); }
  NamedSchema(const NamedSchema&) = delete;
  NamedSchema& operator=(const NamedSchema&) = delete;

 private:
  const Backend& backend_;
  Connection& connection_;
  const std::string name_;
};

std::uint64_t load(Connection& connection, std::string_view table,
                   std::vector<std::string_view> columns, RowSource& source) {
  return grant::run(connection.load(patient(), {.table = table, .columns = columns}, source));
}

ValueView integer(std::size_t number) {
  return ValueView::integer(static_cast<std::int64_t>(number));
}

TEST_P(Contract, LoadInsertsAllRowsAndCountsThem) {
  const auto name = table("id {integer} PRIMARY KEY, v {text}");
  std::string text;
  MadeRows rows(20'000, [&](std::size_t i, std::span<ValueView> row) {
    text = "row " + std::to_string(i);
    row[0] = integer(i);
    row[1] = ValueView::text(text);
  });
  EXPECT_EQ(load(connection(), name, {"id", "v"}, rows), 20'000U);
  EXPECT_EQ(number("SELECT count(*) FROM " + name), 20'000);
  EXPECT_EQ(number("SELECT count(DISTINCT v) FROM " + name), 20'000);
  EXPECT_EQ(run("SELECT v FROM " + name + " WHERE id = 19999")->cell(0, 0).as_characters(),
            "row 19999");
  EXPECT_EQ(connection().transaction_state(), TransactionState::none);
}

TEST_P(Contract, LoadTakesEveryKindOfValueAndNull) {
  const auto name = table(
      "id {integer}, a {boolean}, b {real}, c {text}, d {bytes}, e {timestamp}, f {json}, g "
      "{decimal}, h {date}, i {time}, j {uuid}");
  const std::string bytes("\0\xff\n\\", 4);
  const auto uuid = Uuid::parse("0190b2f6-6f6e-7c3a-8d3f-2b9a4c1d0e5f").value();
  const std::vector<ValueView> full{
      ValueView::integer(-7),
      ValueView::boolean(true),
      ValueView::real(0.1),
      ValueView::text("tab\tline\nback\\slash \\N \"q\" it's \xC3\xA9"),
      ValueView::bytes(std::as_bytes(std::span(bytes))),
      ValueView::timestamp(parse_timestamp("1969-12-31 23:59:59.999999").value()),
      ValueView::json(R"({"k":[1]})"),
      ValueView::decimal("12345678901234567890.25"),
      ValueView::date(parse_date("0001-01-01").value()),
      ValueView::time(parse_time("23:59:59.999999").value()),
      ValueView::uuid(uuid)};
  MadeRows rows(2, [&](std::size_t i, std::span<ValueView> row) {
    for (std::size_t column = 0; column < row.size(); ++column) {
      row[column] = i == 0 ? full[column] : ValueView{};
    }
  });
  EXPECT_EQ(
      load(connection(), name, {"id", "a", "b", "c", "d", "e", "f", "g", "h", "i", "j"}, rows), 2U);
  const auto there = run("SELECT * FROM " + name + " WHERE id IS NOT NULL");
  ASSERT_EQ(there->row_count(), 1U);
  EXPECT_EQ(there->cell(0, 0).as_integer(), -7);
  EXPECT_TRUE(there->cell(0, 1).as_boolean());
  EXPECT_EQ(there->cell(0, 2).as_real(), 0.1);
  EXPECT_EQ(there->cell(0, 3).as_characters(), full[3].as_characters());
  EXPECT_EQ(there->cell(0, 4).as_characters(), bytes);
  EXPECT_EQ(there->cell(0, 5).as_timestamp(), full[5].as_timestamp());
  EXPECT_EQ(Codec<Json>::decode(there->cell(0, 6)), Json::from_text(R"({"k":[1]})"));
  EXPECT_EQ(Codec<Decimal>::decode(there->cell(0, 7)),
            Decimal::parse("12345678901234567890.25").value());
  EXPECT_EQ(Codec<Date>::decode(there->cell(0, 8)), full[8].as_date());
  EXPECT_EQ(Codec<TimeOfDay>::decode(there->cell(0, 9)), full[9].as_time());
  EXPECT_EQ(Codec<Uuid>::decode(there->cell(0, 10)), uuid);
  const auto nulls = run("SELECT * FROM " + name + " WHERE id IS NULL");
  ASSERT_EQ(nulls->row_count(), 1U);
  for (std::size_t column = 0; column < nulls->column_count(); ++column) {
    EXPECT_TRUE(nulls->cell(0, column).is_null()) << nulls->column_name(column);
  }
}

TEST_P(Contract, LoadOfNoRowsInsertsNone) {
  const auto name = table("id {integer}");
  MadeRows rows(0, [](std::size_t, std::span<ValueView>) {});
  EXPECT_EQ(load(connection(), name, {"id"}, rows), 0U);
  EXPECT_EQ(number("SELECT count(*) FROM " + name), 0);
  EXPECT_EQ(connection().transaction_state(), TransactionState::none);
}

TEST_P(Contract, LoadFillsColumnsThatItDoesNotNameWithTheirDefaults) {
  const auto name = table("a {integer} DEFAULT 42, \"Odd \"\"name\" {integer}");
  MadeRows rows(3, [](std::size_t i, std::span<ValueView> row) { row[0] = integer(i); });
  EXPECT_EQ(load(connection(), name, {"Odd \"name"}, rows), 3U);
  EXPECT_EQ(number("SELECT count(*) FROM " + name + " WHERE a = 42"), 3);
}

TEST_P(Contract, WhatTheSourceThrowsEndsTheLoadWithNothingInserted) {
  const auto name = table("id {integer}");
  for (const std::size_t at : {0U, 1U, 5'000U}) {
    MadeRows rows(10'000, [at](std::size_t i, std::span<ValueView> row) {
      if (i == at) throw std::runtime_error("the source is dry");
      row[0] = integer(i);
    });
    try {
      load(connection(), name, {"id"}, rows);
      ADD_FAILURE() << "nothing was thrown";
    } catch (const std::runtime_error& error) {
      EXPECT_STREQ(error.what(), "the source is dry");
    }
    expect_usable();
    EXPECT_EQ(connection().transaction_state(), TransactionState::none);
    EXPECT_EQ(number("SELECT count(*) FROM " + name), 0);
  }
}

TEST_P(Contract, LoadThatBreaksAConstraintInsertsNothingAndNamesIt) {
  const auto name = table("email {text} UNIQUE");
  std::string text;
  MadeRows rows(5'000, [&](std::size_t i, std::span<ValueView> row) {
    text = "secret" + std::to_string(i == 4'000 ? 17 : i);
    row[0] = ValueView::text(text);
  });
  const auto error = error_of([&] { load(connection(), name, {"email"}, rows); });
  EXPECT_EQ(error.code, Errc::constraint) << error.message;
  EXPECT_THAT(error.constraint, HasSubstr("email"));
  EXPECT_THAT(error.message, Not(HasSubstr("secret17")));
  expect_usable();
  EXPECT_EQ(number("SELECT count(*) FROM " + name), 0);
}

TEST_P(Contract, ValueThatCannotBeLoadedIsNamedByRowAndColumnAndNotQuoted) {
  const auto name = table("id {integer}, v {text}");
  MadeRows rows(3'000, [](std::size_t i, std::span<ValueView> row) {
    row[0] = integer(i);
    row[1] = ValueView::text(i == 2'000 ? "secret\xff" : "plain");
  });
  const auto error = error_of([&] { load(connection(), name, {"id", "v"}, rows); });
  EXPECT_EQ(error.code, Errc::invalid_argument);
  EXPECT_THAT(error.message, HasSubstr("\"v\""));
  EXPECT_THAT(error.message, ::testing::AnyOf(HasSubstr("2000"), HasSubstr("2001")));
  EXPECT_THAT(error.message, Not(HasSubstr("secret")));
  expect_usable();
  EXPECT_EQ(number("SELECT count(*) FROM " + name), 0);
}

TEST_P(Contract, LoadInsideATransactionIsCommittedOrRolledBackWithIt) {
  const auto name = table("id {integer}");
  const auto fill = [&] {
    MadeRows rows(100, [](std::size_t i, std::span<ValueView> row) { row[0] = integer(i); });
    EXPECT_EQ(load(connection(), name, {"id"}, rows), 100U);
  };
  begin();
  fill();
  EXPECT_EQ(connection().transaction_state(), TransactionState::open);
  rollback();
  EXPECT_EQ(number("SELECT count(*) FROM " + name), 0);
  begin();
  fill();
  commit();
  EXPECT_EQ(number("SELECT count(*) FROM " + name), 100);
}

TEST_P(Contract, LoadThatFailsInsideATransactionHasNoEffectOnIt) {
  const auto name = table("id {integer} PRIMARY KEY");
  begin();
  run("INSERT INTO " + name + " VALUES (1)");
  // Down to the row that is there.
  MadeRows rows(2'001,
                [](std::size_t i, std::span<ValueView> row) { row[0] = integer(2'001 - i); });
  EXPECT_EQ(error_of([&] { load(connection(), name, {"id"}, rows); }).code, Errc::constraint);
  if (backend().traits().error_fails_transaction) {
    EXPECT_EQ(connection().transaction_state(), TransactionState::failed);
    rollback();
    EXPECT_EQ(number("SELECT count(*) FROM " + name), 0);
  } else {
    EXPECT_EQ(connection().transaction_state(), TransactionState::open);
    commit();
    EXPECT_EQ(number("SELECT count(*) FROM " + name), 1);
  }
}

TEST_P(Contract, LoadIntoNothingIsRefused) {
  const auto name = table("id {integer}");
  const auto one = [](std::size_t i, std::span<ValueView> row) { row[0] = integer(i); };
  MadeRows first(1, one);
  const auto missing = error_of([&] { load(connection(), "contract_nowhere", {"id"}, first); });
  EXPECT_EQ(missing.code, Errc::invalid_argument);
  EXPECT_THAT(missing.message, HasSubstr("contract_nowhere"));
  MadeRows second(1, one);
  EXPECT_EQ(error_of([&] { load(connection(), name, {"misspelt"}, second); }).code,
            Errc::invalid_argument);
  MadeRows third(1, [](std::size_t, std::span<ValueView>) {});
  EXPECT_EQ(error_of([&] { load(connection(), name, {}, third); }).code, Errc::invalid_argument);
  expect_usable();
  EXPECT_EQ(number("SELECT count(*) FROM " + name), 0);
}

TEST_P(Contract, LoadFindsTheTableInTheSchemaThatItNames) {
  const auto here = table("id {integer}");
  const std::string_view table = R"(a "table" of `odd` names. x)";
  const std::vector<std::string_view> columns{"id"};
  for (const std::string_view name : {"contract_schema", R"(odd "schema".`name`; it's)"}) {
    SCOPED_TRACE(name);
    const auto in_schema = [&](std::string_view inside) {
      return backend().quoted(name) + "." + backend().quoted(inside);
    };
    const NamedSchema made(backend(), connection(), name);
    run("CREATE TABLE " + in_schema(table) + with_types(" (id {integer})"));
    run("CREATE TABLE " + in_schema(here) + with_types(" (id {integer})"));
    for (const auto target : {table, std::string_view(here)}) {
      MadeRows rows(3, [](std::size_t i, std::span<ValueView> row) { row[0] = integer(i); });
      const LoadTarget there{.schema = name, .table = target, .columns = columns};
      EXPECT_EQ(grant::run(connection().load(patient(), there, rows)), 3U);
      EXPECT_EQ(number("SELECT count(*) FROM " + in_schema(target)), 3);
    }
    EXPECT_EQ(number("SELECT count(*) FROM " + here), 0);
  }
}

TEST_P(Contract, LoadIntoASchemaThatIsNotThereIsRefusedAndNamesIt) {
  const auto name = table("id {integer}");
  const std::vector<std::string_view> columns{"id"};
  const std::string with_nul("contract\0nowhere", 16);
  for (const std::string_view schema :
       {std::string_view("contract_nowhere"), std::string_view(with_nul)}) {
    MadeRows rows(1, [](std::size_t i, std::span<ValueView> row) { row[0] = integer(i); });
    const LoadTarget target{.schema = schema, .table = name, .columns = columns};
    const auto error = error_of([&] { grant::run(connection().load(patient(), target, rows)); });
    EXPECT_EQ(error.code, Errc::invalid_argument) << error.message;
    if (schema != with_nul) {
      EXPECT_THAT(error.message, HasSubstr("contract_nowhere"));
    }
    expect_usable();
  }
  EXPECT_EQ(number("SELECT count(*) FROM " + name), 0);
}

// PostgreSQL would cut the name short, and load into the table.
TEST_P(Contract, LoadIntoALongerNameThanThatOfATableIsRefused) {
  const std::string most(63, 'n');
  run(with_types("CREATE TABLE " + most + " (" + most + " {integer})"));
  struct Target {
    std::string table;
    std::string column;
  };
  for (const auto& target : {Target{most + "x", most}, Target{most, most + "x"}}) {
    MadeRows rows(1, [](std::size_t i, std::span<ValueView> row) { row[0] = integer(i); });
    const auto error = error_of([&] { load(connection(), target.table, {target.column}, rows); });
    EXPECT_EQ(error.code, Errc::invalid_argument) << error.message;
    EXPECT_EQ(number("SELECT count(*) FROM " + most), 0);
  }
  run("DROP TABLE " + most);
}

TEST_P(Contract, LoadAfterItsDeadlineInsertsNothing) {
  const auto name = table("id {integer}");
  MadeRows rows(10, [](std::size_t i, std::span<ValueView> row) { row[0] = integer(i); });
  const io::Call late(io::blocking_waiter(), Clock::system().now() - 1ms);
  const std::vector<std::string_view> columns{"id"};
  const auto error = error_of(
      [&] { grant::run(connection().load(late, {.table = name, .columns = columns}, rows)); });
  EXPECT_EQ(error.code, Errc::timeout);
  EXPECT_EQ(number_on(*connect(), "SELECT count(*) FROM " + name), 0);
}

}  // namespace
}  // namespace grant::contract
