// Values are bound, never pasted; what cannot be bound is refused without being quoted.

#include "contract/contract.hpp"

namespace grant::contract {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST_P(Contract, PlaceholdersMayComeInAnyOrder) {
  const auto name = table("a {integer}, b {integer}, c {integer}");
  run("INSERT INTO " + name + " VALUES ($3, $1, $2)",
      {ValueView::integer(1), ValueView::integer(2), ValueView::integer(3)});
  const auto rows = run("SELECT a, b, c FROM " + name);
  EXPECT_EQ(rows->cell(0, 0).as_integer(), 3);
  EXPECT_EQ(rows->cell(0, 1).as_integer(), 1);
  EXPECT_EQ(rows->cell(0, 2).as_integer(), 2);
}

TEST_P(Contract, PlaceholderMayBeUsedMoreThanOnce) {
  const auto name = table("a {text}, b {text}, c {text}");
  run("INSERT INTO " + name + " VALUES ($2, $1, $2)",
      {ValueView::text("one"), ValueView::text("two")});
  const auto rows = run("SELECT a, b, c FROM " + name);
  EXPECT_EQ(rows->cell(0, 0).as_characters(), "two");
  EXPECT_EQ(rows->cell(0, 1).as_characters(), "one");
  EXPECT_EQ(rows->cell(0, 2).as_characters(), "two");
}

TEST_P(Contract, PlaceholderTenIsNotPlaceholderOne) {
  const auto name = table("a {integer}");
  const auto one = ValueView::integer(1);
  run("INSERT INTO " + name +
          " VALUES ($1), ($2), ($3), ($4), ($5), ($6), ($7), ($8), ($9), ($10), ($11)",
      {one, one, one, one, one, one, one, one, one, ValueView::integer(10),
       ValueView::integer(100)});
  EXPECT_EQ(number("SELECT count(*) FROM " + name + " WHERE a = 10"), 1);
  EXPECT_EQ(number("SELECT count(*) FROM " + name + " WHERE a = 100"), 1);
}

TEST_P(Contract, PlaceholderInsideQuotesIsText) {
  const auto name = table("a {text}");
  run("INSERT INTO " + name + " VALUES ('$2'), ($1)", {ValueView::text("$3")});
  EXPECT_EQ(number("SELECT count(*) FROM " + name + " WHERE a IN ('$2', '$3')"), 2);
}

TEST_P(Contract, TooFewParametersAreRefusedWithBothCounts) {
  const auto name = table("a {integer}, b {integer}");
  const auto error =
      error_of([&] { run("INSERT INTO " + name + " VALUES ($1, $2)", {ValueView::integer(777)}); });
  EXPECT_EQ(error.code, Errc::invalid_argument);
  EXPECT_THAT(error.message, HasSubstr("2"));
  EXPECT_THAT(error.message, HasSubstr("1"));
  EXPECT_THAT(error.message, Not(HasSubstr("777")));
  expect_usable();
}

TEST_P(Contract, TooManyParametersAreRefused) {
  const auto name = table("a {integer}");
  const auto error = error_of([&] {
    run("INSERT INTO " + name + " VALUES ($1)", {ValueView::integer(1), ValueView::integer(2)});
  });
  EXPECT_EQ(error.code, Errc::invalid_argument);
  EXPECT_EQ(number("SELECT count(*) FROM " + name), 0);
  expect_usable();
}

TEST_P(Contract, MissingParametersAreRefusedAndNotTakenForNull) {
  const auto name = table("a {integer}");
  const auto error = error_of([&] { run("INSERT INTO " + name + " VALUES ($1)"); });
  EXPECT_EQ(error.code, Errc::invalid_argument);
  EXPECT_EQ(number("SELECT count(*) FROM " + name), 0);
}

TEST_P(Contract, ParametersOfOneRunDoNotLeakIntoTheNext) {
  const auto name = table("a {text}");
  const auto insert = "INSERT INTO " + name + " VALUES ($1)";
  run(insert, {ValueView::text("first")});
  run(insert, {ValueView{}});
  EXPECT_EQ(number("SELECT count(*) FROM " + name + " WHERE a IS NULL"), 1);
}

TEST_P(Contract, TextWithNulIsRefusedByNumberAndNotQuoted) {
  const auto name = table("a {integer}, b {text}");
  constexpr std::string_view text("secret\0tail", 11);
  const auto error = error_of([&] {
    run("INSERT INTO " + name + " VALUES ($1, $2)", {ValueView::integer(1), ValueView::text(text)});
  });
  EXPECT_EQ(error.code, Errc::invalid_argument);
  EXPECT_THAT(error.message, HasSubstr("$2"));
  EXPECT_THAT(error.message, Not(HasSubstr("secret")));
  EXPECT_EQ(number("SELECT count(*) FROM " + name), 0);
  expect_usable();
}

TEST_P(Contract, InvalidUtf8IsRefusedByNumberAndNotQuoted) {
  const auto name = table("a {text}");
  for (const std::string_view bad :
       {"secret\xff", "secret\x80", "secret\xC3", "secret\xC0\xAF", "secret\xE0\x80\xAF",
        "secret\xED\xA0\x80", "secret\xF4\x90\x80\x80", "secret\xF8\x88\x80\x80\x80",
        "secret\xE2\x82", "secret\xF0\x9F\x90"}) {
    const auto error =
        error_of([&] { run("INSERT INTO " + name + " VALUES ($1)", {ValueView::text(bad)}); });
    EXPECT_EQ(error.code, Errc::invalid_argument);
    EXPECT_THAT(error.message, HasSubstr("$1"));
    EXPECT_THAT(error.message, Not(HasSubstr("secret")));
  }
  EXPECT_EQ(number("SELECT count(*) FROM " + name), 0);
  expect_usable();
}

TEST_P(Contract, BytesNeedNotBeUtf8) {
  const auto name = table("a {bytes}");
  const std::string_view bytes("\xff\xfe\0\x80", 4);
  run("INSERT INTO " + name + " VALUES ($1)",
      {ValueView::bytes(std::as_bytes(std::span(bytes.data(), bytes.size())))});
  EXPECT_EQ(run("SELECT a FROM " + name)->cell(0, 0).as_characters(), bytes);
}

TEST_P(Contract, SqlInAValueStaysData) {
  const auto name = table("a {text}");
  const auto evil = "x'); DROP TABLE " + name + "; --";
  run("INSERT INTO " + name + " VALUES ($1)", {ValueView::text(evil)});
  EXPECT_EQ(number("SELECT count(*) FROM " + name + " WHERE a = $1", {ValueView::text(evil)}), 1);
  EXPECT_EQ(
      number("SELECT count(*) FROM " + name + " WHERE a = $1", {ValueView::text("' OR '1' = '1")}),
      0);
}

TEST_P(Contract, ValueOfTheWrongTypeIsNeverQuoted) {
  const auto name = table("a {integer}");
  try {
    run("INSERT INTO " + name + " VALUES ($1)", {ValueView::text("secret")});
  } catch (const Error& error) {  // an engine may also take it
    EXPECT_EQ(error.code(), Errc::invalid_argument);
    EXPECT_THAT(error.what(), Not(HasSubstr("secret")));
  }
  expect_usable();
}

TEST_P(Contract, ManyParametersAreBoundInOrder) {
  const auto name = table("a {integer}");
  std::string sql = "INSERT INTO " + name + " VALUES ";
  std::vector<ValueView> params;
  for (int i = 1; i <= 500; ++i) {
    sql += (i > 1 ? ", ($" : "($") + std::to_string(i) + ")";
    params.push_back(ValueView::integer(i));
  }
  Statement statement;
  statement.sql = sql;
  statement.params = params;
  EXPECT_EQ(grant::run(connection().execute(call(), statement))->affected_rows(), 500U);
  EXPECT_EQ(number("SELECT count(DISTINCT a) FROM " + name + " WHERE a BETWEEN 1 AND 500"), 500);
}

}  // namespace
}  // namespace grant::contract
