#include "grant/model/column.hpp"

#include <gtest/gtest.h>

#include "grant/model/field.hpp"

namespace grant {
namespace {

struct Book {
  std::int32_t pages{};
  std::string isbn{};
  std::optional<std::string> subtitle{};
  std::optional<Timestamp> lent_at{};
  bool lent{};
  double rating{};
  Bytes cover{};
  Json notes{};
  int not_stored{};

  static constexpr auto table = grant::table<Book>(
      "books", grant::column<&Book::pages>, grant::column<&Book::isbn>.primary_key(),
      grant::column<&Book::subtitle>.named("sub_title").unique(), grant::column<&Book::lent_at>,
      grant::column<&Book::lent>, grant::column<&Book::rating>, grant::column<&Book::cover>,
      grant::column<&Book::notes>);
};

constexpr const TableInfo& books() { return detail::table_info<Book>(); }

TEST(Columns, AreNamedAfterTheirMembers) {
  EXPECT_EQ(books().name, "books");
  EXPECT_EQ(books().columns[0].name, "pages");
  EXPECT_EQ(books().columns[1].name, "isbn");
  EXPECT_EQ(field<&Book::lent_at>.name().column, "lent_at");
  EXPECT_EQ(field<&Book::lent_at>.name().table, "books");
}

TEST(Columns, NamedOnesHaveThatName) {
  EXPECT_EQ(books().columns[2].name, "sub_title");
  EXPECT_EQ(field<&Book::subtitle>.name().column, "sub_title");
}

TEST(Columns, KnowTheirKindFromTheirMembersType) {
  const ValueKind kinds[]{ValueKind::integer,   ValueKind::text,    ValueKind::text,
                          ValueKind::timestamp, ValueKind::boolean, ValueKind::real,
                          ValueKind::bytes,     ValueKind::json};
  for (std::size_t i = 0; i < std::size(kinds); ++i) {
    EXPECT_EQ(books().columns[i].kind, kinds[i]) << books().columns[i].name;
  }
}

TEST(Columns, MayBeNullWhereTheirMemberIsOptional) {
  EXPECT_FALSE(books().columns[1].nullable);
  EXPECT_TRUE(books().columns[2].nullable);
  EXPECT_TRUE(books().columns[3].nullable);
}

TEST(Columns, KnowTheirRules) {
  EXPECT_TRUE(books().columns[2].unique);
  EXPECT_FALSE(books().columns[0].unique);
  EXPECT_TRUE(books().columns[1].primary_key);
  EXPECT_FALSE(books().columns[0].primary_key);
}

TEST(Columns, PrimaryKeyIsFoundWhereverItStands) {
  EXPECT_EQ(books().primary_key, 1U);
  EXPECT_EQ(books().key().name, "isbn");
  static_assert(std::is_same_v<detail::KeyType<Book>, std::string>);
}

TEST(Columns, BindAndLoadTheirMember) {
  Book book;
  book.isbn = "978";
  Params params;
  books().columns[1].bind(&book, params);
  books().columns[2].bind(&book, params);
  EXPECT_EQ(params.views()[0].as_characters(), "978");
  EXPECT_TRUE(params.views()[1].is_null());
  books().columns[2].load(&book, ValueView::text("a tale"));
  EXPECT_EQ(book.subtitle, "a tale");
}

TEST(Columns, TellWhetherAMemberIsAsInANewRecord) {
  Book book;
  EXPECT_TRUE(books().columns[1].is_unset(&book));
  book.isbn = "978";
  EXPECT_FALSE(books().columns[1].is_unset(&book));
}

TEST(Columns, OfTimestampsCanBeTouched) {
  Book book;
  EXPECT_EQ(books().columns[0].touch, nullptr);
  books().columns[3].touch(&book, Timestamp(std::chrono::microseconds(5)));
  EXPECT_EQ(book.lent_at, Timestamp(std::chrono::microseconds(5)));
}

TEST(Fields, MakeAssignmentsOfTheColumnsOwnType) {
  constexpr auto rating = field<&Book::rating>;
  const auto assignment = rating = 3;
  EXPECT_EQ(assignment.set.column.column, "rating");
  EXPECT_EQ(assignment.set.value.view().kind(), ValueKind::real);
  Book book;
  assignment.apply(book, assignment.set.value.view());
  EXPECT_EQ(book.rating, 3.0);
}

TEST(Fields, MakeOrders) {
  EXPECT_TRUE(field<&Book::isbn>.desc().descending);
  EXPECT_FALSE(field<&Book::isbn>.asc().descending);
  const Order order = field<&Book::isbn>;
  EXPECT_EQ(order.column.column, "isbn");
  EXPECT_FALSE(order.descending);
}

}  // namespace
}  // namespace grant
