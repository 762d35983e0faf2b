#include "grant/query/raw_sql.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/session/session_fixture.hpp"

namespace grant {
namespace {

TEST(RawSql, BindsEachValueWithItsOwnKind) {
  const test::Shop shop;
  std::vector<ValueKind> kinds;
  std::string name;
  shop.primary().on_statement([&](const Statement& statement) -> std::unique_ptr<Result> {
    for (const auto& value : statement.params) kinds.push_back(value.kind());
    name = statement.params[0].as_characters();
    return nullptr;
  });
  const std::string text = "Ada";
  shop.session.run([&] {
    return sql("X", text, "literal", 7, 1.5, true, std::optional<int>(), Timestamp{})
        .on("shop")
        .run();
  });
  EXPECT_THAT(kinds, ::testing::ElementsAre(ValueKind::text, ValueKind::text, ValueKind::integer,
                                            ValueKind::real, ValueKind::boolean, ValueKind::null,
                                            ValueKind::timestamp));
  EXPECT_EQ(name, "Ada");
}

TEST(RawSql, KeepsItsValuesWhenTheyAreGone) {
  const test::Shop shop;
  std::string seen;
  shop.primary().on_statement([&](const Statement& statement) -> std::unique_ptr<Result> {
    seen = statement.params[0].as_characters();
    return nullptr;
  });
  shop.session.run([] {
    auto query = sql("X", std::string(100, 'x')).on("shop");
    return query.run();
  });
  EXPECT_EQ(seen, std::string(100, 'x'));
}

TEST(RawSql, RunsOnTheDatabasePrimaryUnlessToldOtherwise) {
  const test::Shop shop;
  const auto error =
      test::error_of([&] { return shop.session.run([] { return sql("X").run(); }); });
  EXPECT_EQ(error.message, "no database \"primary\"; there are: shop");
}

TEST(RawSql, GivesWhatTheServerAnswered) {
  const test::Shop shop;
  shop.replica().on_statement([](const Statement&) {
    std::vector<std::vector<Value>> cells(1);
    cells[0].emplace_back(ValueView::integer(42));
    return test::rows({"answer"}, std::move(cells));
  });
  const auto rows = shop.session.run([] { return sql("X").on("shop").read().run(); });
  EXPECT_EQ(rows[0].get<int>("answer"), 42);
}

}  // namespace
}  // namespace grant
