// Every kind of value comes back as it was stored.

#include <bit>
#include <chrono>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "contract/contract.hpp"
#include "grant/core/json.hpp"
#include "grant/core/timestamp.hpp"

namespace grant::contract {
namespace {

std::span<const std::byte> as_bytes(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

TEST_P(Contract, BooleansComeBack) {
  EXPECT_TRUE(round_trip(ValueView::boolean(true)).view().as_boolean());
  EXPECT_FALSE(round_trip(ValueView::boolean(false)).view().as_boolean());
}

TEST_P(Contract, IntegersComeBackAtTheirExtremes) {
  using Limits = std::numeric_limits<std::int64_t>;
  for (const std::int64_t number : {std::int64_t{0}, std::int64_t{-1}, std::int64_t{1} << 53,
                                    (std::int64_t{1} << 53) + 1, Limits::min(), Limits::max()}) {
    EXPECT_EQ(round_trip(ValueView::integer(number)).view().as_integer(), number);
  }
}

TEST_P(Contract, RealsComeBackToTheLastBit) {
  using Limits = std::numeric_limits<double>;
  for (const double number : {0.0, 0.1, -1.0 / 3.0, 1e15 + 0.3, Limits::min(), Limits::denorm_min(),
                              Limits::max(), Limits::lowest(), Limits::epsilon()}) {
    const auto back = round_trip(ValueView::real(number)).view().as_real();
    EXPECT_EQ(std::bit_cast<std::uint64_t>(back), std::bit_cast<std::uint64_t>(number)) << number;
  }
}

TEST_P(Contract, WholeRealsStayReals) {
  EXPECT_EQ(round_trip(ValueView::real(3.0)).view().as_real(), 3.0);
  EXPECT_EQ(round_trip(ValueView::real(-9007199254740993.0)).view().as_real(), -9007199254740993.0);
}

TEST_P(Contract, NegativeZeroIsZeroAndKeepsItsSignWhereTheEngineCan) {
  const auto back = round_trip(ValueView::real(-0.0)).view().as_real();
  EXPECT_EQ(back, 0.0);
  EXPECT_EQ(std::signbit(back), backend().traits().keeps_negative_zero);
}

TEST_P(Contract, InfinityComesBackWhereTheEngineHasIt) {
  if (!backend().traits().keeps_infinity) GTEST_SKIP();
  constexpr double infinity = std::numeric_limits<double>::infinity();
  EXPECT_EQ(round_trip(ValueView::real(infinity)).view().as_real(), infinity);
  EXPECT_EQ(round_trip(ValueView::real(-infinity)).view().as_real(), -infinity);
}

TEST_P(Contract, NanComesBackOrIsRefusedButNeverChanges) {
  try {
    EXPECT_TRUE(std::isnan(
        round_trip(ValueView::real(std::numeric_limits<double>::quiet_NaN())).view().as_real()));
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Errc::invalid_argument);
  }
}

TEST_P(Contract, TextComesBack) {
  for (const std::string_view text :
       {"", " ", "plain", "it's", "\"double\"", "back\\slash", "\\x41", "line\nend\r\n\ttab",
        "100%_", "$1 ? :name", "-- comment", "/* x */", "NULL", "\x01\x1f\x7f",
        "\xC3\xA9\xE2\x82\xAC", "\xF0\x9F\x90\x98\xF0\x9F\x87\xA9\xF0\x9F\x87\xAA"}) {
    EXPECT_EQ(round_trip(ValueView::text(text)).view().as_characters(), text);
  }
}

TEST_P(Contract, TextOfOneMebibyteComesBack) {
  std::string text;
  while (text.size() < (1U << 20U)) text += "0123456789 \xC3\xA9\n'";
  EXPECT_EQ(round_trip(ValueView::text(text)).view().as_characters(), text);
}

TEST_P(Contract, EveryByteComesBack) {
  std::string all;
  for (int byte = 0; byte < 256; ++byte) all += static_cast<char>(byte);
  EXPECT_EQ(round_trip(ValueView::bytes(as_bytes(all))).view().as_characters(), all);
}

TEST_P(Contract, EmptyBytesAreNotNull) {
  EXPECT_EQ(round_trip(ValueView::bytes({})).view().as_characters(), "");
}

TEST_P(Contract, BytesOfOneMebibyteComeBack) {
  const std::string zeros(1U << 20U, '\0');
  EXPECT_EQ(round_trip(ValueView::bytes(as_bytes(zeros))).view().as_characters(), zeros);
}

TEST_P(Contract, TimestampsComeBackToTheMicrosecond) {
  for (const std::string_view text :
       {"1970-01-01 00:00:00.000000", "1969-12-31 23:59:59.999999", "2026-11-23 11:26:41.000042",
        "1900-02-28 12:00:00.500000", "0001-01-01 00:00:00.000001", "9999-12-31 23:59:59.999999",
        "2000-01-01 00:00:00.000000", "2024-02-29 23:59:59.100000"}) {
    const auto time = parse_timestamp(text).value();
    EXPECT_EQ(format_timestamp(round_trip(ValueView::timestamp(time)).view().as_timestamp()), text);
  }
}

TEST_P(Contract, JsonComesBackAsTheSameDocument) {
  for (const std::string_view text :
       {R"({})", R"([])", R"({"a":{"b":[1,2.5,null,true,{"c":"d"}]},"e":"it's \"q\" \\ "})",
        R"("text")", R"(12)", R"(-0.5)", R"(true)", R"(null)", "[\"\xF0\x9F\x90\x98\"]",
        R"([9007199254740991,1e-7])"}) {
    const auto back = round_trip(ValueView::json(text));
    EXPECT_EQ(Json::from_text(std::string(back.view().as_characters())),
              Json::from_text(std::string(text)))
        << text;
  }
}

TEST_P(Contract, NullOfEveryKindOfColumnComesBackAsNull) {
  for (const auto kind : {ValueKind::boolean, ValueKind::integer, ValueKind::real, ValueKind::text,
                          ValueKind::bytes, ValueKind::timestamp, ValueKind::json}) {
    SCOPED_TRACE(to_string(kind));
    const auto name = table("v {" + std::string(to_string(kind)) + "}");
    run("INSERT INTO " + name + " VALUES ($1)", {ValueView{}});
    const auto rows = run("SELECT v FROM " + name);
    ASSERT_EQ(rows->row_count(), 1U);
    EXPECT_TRUE(rows->cell(0, 0).is_null());
    EXPECT_EQ(number("SELECT count(*) FROM " + name + " WHERE v IS NULL"), 1);
  }
}

TEST_P(Contract, EmptyTextIsNotNull) {
  const auto name = table("v {text}");
  run("INSERT INTO " + name + " VALUES ($1)", {ValueView::text({})});
  EXPECT_EQ(number("SELECT count(*) FROM " + name + " WHERE v IS NULL"), 0);
  EXPECT_EQ(number("SELECT count(*) FROM " + name + " WHERE v = ''"), 1);
}

TEST_P(Contract, EveryKindFitsInOneRow) {
  const auto name =
      table("a {boolean}, b {integer}, c {real}, d {text}, e {bytes}, f {timestamp}, g {json}");
  const auto time = parse_timestamp("2026-11-23 11:26:41.000042").value();
  run("INSERT INTO " + name + " VALUES ($1, $2, $3, $4, $5, $6, $7)",
      {ValueView::boolean(true), ValueView::integer(-7), ValueView::real(2.5),
       ValueView::text("text"), ValueView::bytes(as_bytes("bytes")), ValueView::timestamp(time),
       ValueView::json(R"({"k":1})")});
  const auto rows = run("SELECT * FROM " + name);
  ASSERT_EQ(rows->row_count(), 1U);
  EXPECT_TRUE(rows->cell(0, 0).as_boolean());
  EXPECT_EQ(rows->cell(0, 1).as_integer(), -7);
  EXPECT_EQ(rows->cell(0, 2).as_real(), 2.5);
  EXPECT_EQ(rows->cell(0, 3).as_characters(), "text");
  EXPECT_EQ(rows->cell(0, 4).kind(), ValueKind::bytes);
  EXPECT_EQ(rows->cell(0, 4).as_characters(), "bytes");
  EXPECT_EQ(rows->cell(0, 5).as_timestamp(), time);
  EXPECT_EQ(rows->cell(0, 6).kind(), ValueKind::json);
}

TEST_P(Contract, BoundValuesCompareWithStoredOnes) {
  const auto name = table("a {boolean}, b {integer}, c {real}, d {text}, e {bytes}, f {timestamp}");
  const auto time = parse_timestamp("1969-07-20 20:17:40.000001").value();
  const auto a = ValueView::boolean(false);
  const auto b = ValueView::integer(42);
  const auto c = ValueView::real(0.1);
  const auto d = ValueView::text("\xC3\xA9");
  const auto e = ValueView::bytes(as_bytes("\x01\xff"));
  const auto f = ValueView::timestamp(time);
  run("INSERT INTO " + name + " VALUES ($1, $2, $3, $4, $5, $6)", {a, b, c, d, e, f});
  EXPECT_EQ(number("SELECT count(*) FROM " + name +
                       " WHERE a = $1 AND b = $2 AND c = $3 AND d = $4 AND e = $5 AND f = $6",
                   {a, b, c, d, e, f}),
            1);
  EXPECT_EQ(number("SELECT count(*) FROM " + name + " WHERE f < $1",
                   {ValueView::timestamp(time + std::chrono::microseconds(1))}),
            1);
}

TEST_P(Contract, TimestampsSortAsTimeDoes) {
  const auto name = table("id {integer}, at {timestamp}");
  const auto later = ValueView::timestamp(parse_timestamp("1970-01-01 00:00:00.000001").value());
  const auto sooner = ValueView::timestamp(parse_timestamp("1969-12-31 23:59:59").value());
  run("INSERT INTO " + name + " VALUES (1, $1), (2, $2)", {later, sooner});
  const auto rows = run("SELECT id FROM " + name + " ORDER BY at");
  ASSERT_EQ(rows->row_count(), 2U);
  EXPECT_EQ(rows->cell(0, 0).as_integer(), 2);
}

TEST_P(Contract, ResultOutlivesLaterStatementsAndItsConnection) {
  const auto name = table("v {text}");
  const std::string text(10'000, 'x');
  run("INSERT INTO " + name + " VALUES ($1)", {ValueView::text(text)});
  auto other = connect();
  const auto rows = run_on(*other, "SELECT v FROM " + name);
  run_on(*other, "DELETE FROM " + name);
  run_on(*other, "SELECT v FROM " + name);
  other.reset();
  EXPECT_EQ(rows->cell(0, 0).as_characters(), text);
  EXPECT_EQ(rows->column_name(0), "v");
}

}  // namespace
}  // namespace grant::contract
