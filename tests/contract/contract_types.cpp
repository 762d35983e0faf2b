// Members of every type come back as they were stored, or are refused; nothing is rounded unseen.

#include <cmath>
#include <limits>
#include <optional>

#include "contract/contract.hpp"
#include "grant/core/date.hpp"
#include "grant/core/decimal.hpp"
#include "grant/core/uuid.hpp"

namespace grant::contract {

enum class Mood { calm, keen };

}  // namespace grant::contract

template <>
struct grant::EnumNames<grant::contract::Mood> {
  static constexpr std::pair<grant::contract::Mood, std::string_view> all[] = {
      {grant::contract::Mood::calm, "calm"}, {grant::contract::Mood::keen, "it's keen"}};
};

namespace grant::contract {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

template <class T>
std::vector<T> extremes() {
  using Limits = std::numeric_limits<T>;
  return {T{0}, T{1}, Limits::min(), Limits::max(), static_cast<T>(Limits::max() - 1)};
}

Decimal decimal(std::string_view text) { return Decimal::parse(text).value(); }
Date date(std::string_view text) { return parse_date(text).value(); }
TimeOfDay time(std::string_view text) { return parse_time(text).value(); }
Uuid uuid(std::string_view text) { return Uuid::parse(text).value(); }

TEST_P(Contract, SignedIntegersOfEveryWidthComeBackAtTheirExtremes) {
  EXPECT_EQ(stored(extremes<std::int8_t>()), extremes<std::int8_t>());
  EXPECT_EQ(stored_as("SMALLINT", extremes<std::int16_t>()), extremes<std::int16_t>());
  EXPECT_EQ(stored_as("INTEGER", extremes<std::int32_t>()), extremes<std::int32_t>());
  EXPECT_EQ(stored(extremes<std::int64_t>()), extremes<std::int64_t>());
}

TEST_P(Contract, UnsignedIntegersThatFitSignedColumnsComeBackAtTheirExtremes) {
  EXPECT_EQ(stored(extremes<std::uint8_t>()), extremes<std::uint8_t>());
  EXPECT_EQ(stored(extremes<std::uint16_t>()), extremes<std::uint16_t>());
  EXPECT_EQ(stored(extremes<std::uint32_t>()), extremes<std::uint32_t>());
}

TEST_P(Contract, UnsignedIntegersOf64BitsComeBackOrAreRefused) {
  const auto most_signed = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  const std::vector<std::uint64_t> small{0, 1, most_signed};
  EXPECT_EQ(stored(small), small);
  const std::vector<std::uint64_t> large{most_signed + 1,
                                         std::numeric_limits<std::uint64_t>::max()};
  if (backend().traits().keeps_unsigned) {
    EXPECT_EQ(stored(large), large);
  } else {
    const auto error = error_of([&] { stored(large); });
    EXPECT_EQ(error.code, Errc::invalid_argument);
    EXPECT_THAT(error.message, HasSubstr("$2"));
    EXPECT_THAT(error.message, Not(HasSubstr("9223372036854775808")));
  }
}

TEST_P(Contract, IntegerBeyondItsColumnIsRefusedAndNotQuoted) {
  if (!backend().traits().limits_widths) GTEST_SKIP() << "the engine's columns have no width";
  const auto name = table("small SMALLINT, medium INTEGER");
  const auto refused = [&](std::string_view column, std::int64_t value) {
    const auto error = error_of([&] {
      run("INSERT INTO " + name + " (" + std::string(column) + ") VALUES ($1)",
          {ValueView::integer(value)});
    });
    EXPECT_EQ(error.code, Errc::invalid_argument) << error.message;
    EXPECT_THAT(error.message, Not(HasSubstr(" " + std::to_string(value))));
  };
  refused("small", 32'769);
  refused("small", -32'770);
  refused("medium", std::int64_t{1} << 40);
  refused("medium", std::numeric_limits<std::int64_t>::min());
  EXPECT_EQ(number("SELECT count(*) FROM " + name), 0);
  expect_usable();
}

TEST_P(Contract, IntegerBeyondItsMemberIsRefusedOnReading) {
  const auto name = table("v {integer}");
  run("INSERT INTO " + name + " VALUES ($1)", {ValueView::integer(std::int64_t{1} << 40)});
  const auto rows = run("SELECT v FROM " + name);
  EXPECT_THROW(static_cast<void>(Codec<std::int32_t>::decode(rows->cell(0, 0))), Error);
  EXPECT_THROW(static_cast<void>(Codec<std::uint32_t>::decode(rows->cell(0, 0))), Error);
  EXPECT_EQ(Codec<std::int64_t>::decode(rows->cell(0, 0)), std::int64_t{1} << 40);
}

TEST_P(Contract, FloatsComeBackToTheLastBit) {
  using Limits = std::numeric_limits<float>;
  const std::vector<float> floats{
      0.0F, 0.1F, -1.0F / 3.0F, Limits::min(), Limits::max(), Limits::lowest(), 16'777'217.0F};
  EXPECT_EQ(stored(floats), floats);
  EXPECT_EQ(stored_as("FLOAT(24)", floats), floats);
}

TEST_P(Contract, DoubleBeyondAFloatIsRefusedOnReading) {
  const auto name = table("v {real}");
  run("INSERT INTO " + name + " VALUES ($1)", {ValueView::real(1e300)});
  const auto rows = run("SELECT v FROM " + name);
  EXPECT_THROW(static_cast<void>(Codec<float>::decode(rows->cell(0, 0))), Error);
}

TEST_P(Contract, DecimalsComeBackExactly) {
  const std::vector<Decimal> decimals{
      decimal("0"),
      decimal("-1"),
      decimal("0.1"),
      decimal("1.50"),
      decimal("9007199254740993"),
      decimal("1234567890123456789.0123456789012345678"),
      decimal("-99999999999999999999999999999999999"),
      decimal("0.000000000000000000000000000001"),
      decimal("10000000000000000000000000000000000.000000000000000000000000000001")};
  const auto back = stored(decimals);
  ASSERT_EQ(back.size(), decimals.size());
  for (std::size_t i = 0; i < back.size(); ++i) {
    EXPECT_EQ(back[i], decimals[i]) << back[i].text();
    if (backend().traits().keeps_scale) {
      EXPECT_EQ(back[i].text(), decimals[i].text());
    }
  }
}

TEST_P(Contract, WholeNumbersAreDecimals) {
  const auto name = table("v {decimal}");
  run("INSERT INTO " + name + " VALUES ($1)", {ValueView::integer(-42)});
  const auto rows = run("SELECT v FROM " + name);
  EXPECT_EQ(Codec<Decimal>::decode(rows->cell(0, 0)), Decimal(-42));
  EXPECT_EQ(Codec<int>::decode(rows->cell(0, 0)), -42);
}

TEST_P(Contract, DatesComeBackFromTheFirstYearToTheLast) {
  const std::vector<Date> dates{date("0001-01-01"), date("1582-10-14"), date("1969-12-31"),
                                date("1970-01-01"), date("2000-02-29"), date("9999-12-31")};
  EXPECT_EQ(stored(dates), dates);
}

TEST_P(Contract, TimesOfDayComeBackToTheMicrosecond) {
  const std::vector<TimeOfDay> times{time("00:00:00"), time("00:00:00.000001"),
                                     time("11:26:41.000042"), time("23:59:59.999999"),
                                     time("24:00:00")};
  EXPECT_EQ(stored(times), times);
}

TEST_P(Contract, UuidsComeBack) {
  const std::vector<Uuid> uuids{
      uuid("00000000-0000-0000-0000-000000000000"), uuid("ffffffff-ffff-ffff-ffff-ffffffffffff"),
      uuid("0190b2f6-6f6e-7c3a-8d3f-2b9a4c1d0e5f"), uuid("5f0e1d4c-9a2b-3f8d-0000-6e6ff6b29001")};
  EXPECT_EQ(stored(uuids), uuids);
}

TEST_P(Contract, EnumsComeBackByTheirNames) {
  const std::vector<Mood> moods{Mood::keen, Mood::calm};
  EXPECT_EQ(stored(moods), moods);
  const auto name = table("v {text}");
  run("INSERT INTO " + name + " VALUES ('secretive')");
  const auto rows = run("SELECT v FROM " + name);
  const auto error = error_of([&] { static_cast<void>(Codec<Mood>::decode(rows->cell(0, 0))); });
  EXPECT_EQ(error.code, Errc::invalid_argument);
  EXPECT_THAT(error.message, Not(HasSubstr("secretive")));
}

TEST_P(Contract, ArraysComeBackOrAreRefused) {
  const std::vector<std::vector<std::int64_t>> numbers{{}, {1}, {3, -1, 2}};
  if (!backend().traits().has_arrays) {
    const auto error = error_of([&] { stored(numbers); });
    EXPECT_EQ(error.code, Errc::invalid_argument);
    EXPECT_THAT(error.message, HasSubstr("array"));
    expect_usable();
    return;
  }
  EXPECT_EQ(stored(numbers), numbers);
  using Text = std::optional<std::string>;
  const std::vector<std::vector<Text>> texts{
      {"plain", std::nullopt, "", "NULL", "{a,b}", "it's \"q\" \\ ", "\xC3\xA9\n"}};
  EXPECT_EQ(stored_as("text[]", texts), texts);
}

TEST_P(Contract, NullOfEveryTypeOfMemberComesBack) {
  const auto expect_null = [&]<class T>(const T& some) {
    const std::vector<std::optional<T>> members{std::nullopt, some, std::nullopt};
    EXPECT_EQ(stored(members), members) << to_string(Codec<T>::kind);
  };
  expect_null(std::uint64_t{7});
  expect_null(decimal("7.5"));
  expect_null(date("2026-11-23"));
  expect_null(time("11:26:41"));
  expect_null(uuid("0190b2f6-6f6e-7c3a-8d3f-2b9a4c1d0e5f"));
  expect_null(Mood::keen);
}

TEST_P(Contract, BoundMembersOfEveryTypeFindTheirRow) {
  const auto expect_found = [&]<class T>(const T& here, const T& elsewhere) {
    const auto name = table("v {" + std::string(to_string(Codec<T>::kind)) + "}");
    const Value stored_one{Codec<T>::encode(here)};
    const Value other{Codec<T>::encode(elsewhere)};
    run("INSERT INTO " + name + " VALUES ($1), ($2)", {stored_one.view(), other.view()});
    const auto rows = run("SELECT v FROM " + name + " WHERE v = $1", {stored_one.view()});
    ASSERT_EQ(rows->row_count(), 1U) << to_string(Codec<T>::kind);
    EXPECT_EQ(Codec<T>::decode(rows->cell(0, 0)), here);
  };
  expect_found(std::uint64_t{7}, std::uint64_t{8});
  expect_found(decimal("12345678901234567890.25"), decimal("12345678901234567890.26"));
  expect_found(date("2026-11-23"), date("2026-11-24"));
  expect_found(time("11:26:41.000042"), time("11:26:41.000043"));
  expect_found(uuid("0190b2f6-6f6e-7c3a-8d3f-2b9a4c1d0e5f"),
               uuid("0190b2f6-6f6e-7c3a-8d3f-2b9a4c1d0e5e"));
}

TEST_P(Contract, DatesTimesAndUuidsSortAsTheirValuesDo) {
  const auto sorted = [&]<class T>(const std::vector<T>& ascending) {
    const auto name = table("v {" + std::string(to_string(Codec<T>::kind)) + "}");
    for (auto i = ascending.size(); i-- > 0;) {
      const Value member{Codec<T>::encode(ascending[i])};
      run("INSERT INTO " + name + " VALUES ($1)", {member.view()});
    }
    const auto rows = run("SELECT v FROM " + name + " ORDER BY v");
    std::vector<T> back;
    for (std::size_t i = 0; i < rows->row_count(); ++i) {
      back.push_back(Codec<T>::decode(rows->cell(i, 0)));
    }
    EXPECT_EQ(back, ascending) << to_string(Codec<T>::kind);
  };
  sorted(std::vector{date("0999-12-31"), date("1000-01-01"), date("2026-11-23")});
  sorted(std::vector{time("00:00:00.000001"), time("09:00:00"), time("10:00:00")});
  sorted(std::vector{uuid("00000000-0000-0000-0000-000000000001"),
                     uuid("10000000-0000-0000-0000-000000000000"),
                     uuid("a0000000-0000-0000-0000-000000000000")});
}

}  // namespace
}  // namespace grant::contract
