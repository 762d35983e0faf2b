#include "grant/model/model.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "unit/model/model_fixture.hpp"

namespace grant {
namespace {

enum class Colour : std::uint8_t { red, green };

}  // namespace

template <>
struct Codec<Colour> {
  static constexpr ValueKind kind = ValueKind::text;
  static Value encode(const Colour& colour) {
    return Value(ValueView::text(colour == Colour::red ? "red" : "green"));
  }
  static Colour decode(ValueView view) {
    const auto name = Codec<std::string>::decode(view);
    if (name == "red") return Colour::red;
    if (name == "green") return Colour::green;
    throw_error(Errc::invalid_argument, "no such colour");
  }
};

namespace {

using namespace std::chrono_literals;
using test::error_of;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

struct Person : Model<Person> {
  std::int64_t id{};
  std::string email{};
  std::optional<std::string> name{};
  std::int32_t age{};
  Timestamp created_at{};
  Timestamp updated_at{};

  static constexpr auto table = grant::table<Person>(
      "people", grant::column<&Person::id>.primary_key(), grant::column<&Person::email>.unique(),
      grant::column<&Person::name>.named("full_name"), grant::column<&Person::age>,
      grant::column<&Person::created_at>, grant::column<&Person::updated_at>);
};

constexpr auto kId = field<&Person::id>;
constexpr auto kEmail = field<&Person::email>;
constexpr auto kName = field<&Person::name>;
constexpr auto kAge = field<&Person::age>;

struct Car : Model<Car> {
  std::string plate{};
  Colour colour{};

  static constexpr auto table = grant::table<Car>("cars", grant::column<&Car::plate>.primary_key(),
                                                  grant::column<&Car::colour>);
};

struct Purchase : Model<Purchase> {
  std::int64_t id{};
  double total{};

  static constexpr auto table = grant::table<Purchase>(
      "purchases", grant::column<&Purchase::id>.primary_key(), grant::column<&Purchase::total>);
  static constexpr auto connection = connects_to("orders");
};

constexpr auto kPlate = field<&Car::plate>;
constexpr auto kColour = field<&Car::colour>;
constexpr auto kTotal = field<&Purchase::total>;

class PersonTest : public test::ModelTest {
 protected:
  PersonTest() { Person::create_table(); }

  static Person make(const std::string& email, std::int32_t age = 30) {
    return Person::create(kEmail = email, kAge = age);
  }

  static std::vector<std::string> emails(const std::vector<Person>& people) {
    std::vector<std::string> all;
    for (const auto& person : people) all.push_back(person.email);
    return all;
  }
};

// -- One record -------------------------------------------------------------------------------

TEST_F(PersonTest, CreateStoresAndGivesWhatTheDatabaseMadeOfIt) {
  const auto ada = Person::create(kEmail = "ada@x", kName = "Ada", kAge = 36);
  EXPECT_GT(ada.id, 0);
  EXPECT_FALSE(ada.is_new());
  const auto found = Person::find(ada.id);
  EXPECT_EQ(found.email, "ada@x");
  EXPECT_EQ(found.name, "Ada");
  EXPECT_EQ(found.age, 36);
}

TEST_F(PersonTest, CreateTakesARecordToo) {
  Person ada;
  ada.email = "ada@x";
  EXPECT_TRUE(ada.is_new());
  const auto created = Person::create(ada);
  EXPECT_FALSE(created.is_new());
  EXPECT_TRUE(ada.is_new());
}

TEST_F(PersonTest, CreateKeepsAKeyThatIsGiven) {
  EXPECT_EQ(Person::create(kId = 77, kEmail = "a@x", kAge = 1).id, 77);
}

TEST_F(PersonTest, SaveInsertsANewRecordOnce) {
  Person ada;
  ada.email = "ada@x";
  ada.save();
  ada.age = 5;
  ada.save();
  EXPECT_EQ(Person::count(), 1U);
  EXPECT_EQ(Person::find(ada.id).age, 5);
}

TEST_F(PersonTest, SaveCanTakeANameAway) {
  auto ada = Person::create(kEmail = "ada@x", kName = "Ada", kAge = 36);
  ada.name.reset();
  ada.save();
  EXPECT_EQ(Person::find(ada.id).name, std::nullopt);
}

TEST_F(PersonTest, UpdateWritesOnlyWhatItNames) {
  auto ada = make("ada@x");
  auto other = Person::find(ada.id);
  other.update(kName = "Other");
  ada.age = 99;  // not named below
  ada.update(kEmail = "new@x");
  EXPECT_EQ(ada.email, "new@x");
  const auto stored = Person::find(ada.id);
  EXPECT_EQ(stored.email, "new@x");
  EXPECT_EQ(stored.name, "Other");
  EXPECT_EQ(stored.age, 30);
}

TEST_F(PersonTest, UpdateRefusesThePrimaryKeyAndChangesNothing) {
  auto ada = make("ada@x");
  const auto id = ada.id;
  const auto error =
      error_of([&] { return ada.update(kEmail = "new@x", field<&Person::id> = 4711), 0; });
  EXPECT_EQ(error.code, Errc::invalid_argument);
  EXPECT_EQ(error.message, "table people: the primary key id of a stored record cannot be changed");
  EXPECT_EQ(ada.id, id);
  EXPECT_EQ(ada.email, "ada@x");
  EXPECT_EQ(Person::find(id).email, "ada@x");
  EXPECT_FALSE(Person::find_if_there(4711).has_value());
}

TEST_F(PersonTest, UpdateOfANewRecordMayGiveItsKey) {
  Person ada;
  ada.update(kEmail = "ada@x", kId = 4711);
  EXPECT_EQ(Person::find(4711).email, "ada@x");
}

TEST_F(PersonTest, DestroyDeletesTheRowAndMakesTheRecordNew) {
  auto ada = make("ada@x");
  ada.destroy();
  EXPECT_TRUE(ada.is_new());
  EXPECT_EQ(Person::count(), 0U);
}

TEST_F(PersonTest, AnOldCopyOfADestroyedRecordIsNotTakenForItsSuccessor) {
  const auto ada = make("ada@x");
  for (auto destroy :
       {+[](Person person) { person.destroy(); },
        +[](Person person) { Person::where(kEmail == person.email).delete_all(); }}) {
    auto last = make("last@x");
    auto copy = last;
    destroy(last);
    const auto successor = make("successor@x");
    EXPECT_NE(successor.id, copy.id);
    EXPECT_THROW(copy.update(kEmail = "copy@x"), RecordNotFound);
    EXPECT_THROW(copy.save(), RecordNotFound);
    EXPECT_THROW(copy.reload(), RecordNotFound);
    EXPECT_THROW(copy.destroy(), RecordNotFound);
    EXPECT_EQ(Person::find(successor.id).email, "successor@x");
    Person::find(successor.id).destroy();
  }
  EXPECT_EQ(Person::count(), 1U);
  Person::find(ada.id).destroy();
  EXPECT_GT(make("after all@x").id, ada.id);
}

TEST_F(PersonTest, ReloadReadsTheRowAgain) {
  auto ada = make("ada@x");
  Person::find(ada.id).update(kAge = 31);
  EXPECT_EQ(ada.age, 30);
  ada.reload();
  EXPECT_EQ(ada.age, 31);
}

TEST_F(PersonTest, RowThatIsGoneIsNotFound) {
  auto ada = make("ada@x");
  Person::find(ada.id).destroy();
  EXPECT_THROW(ada.save(), RecordNotFound);
  EXPECT_THROW(ada.update(kAge = 1), RecordNotFound);
  EXPECT_THROW(ada.reload(), RecordNotFound);
  EXPECT_THROW(ada.destroy(), RecordNotFound);
}

TEST_F(PersonTest, ConstraintOfTheDatabaseComesThrough) {
  make("ada@x");
  EXPECT_THROW(make("ada@x"), ConstraintViolation);
}

// -- Timestamps -------------------------------------------------------------------------------

TEST_F(PersonTest, TimestampsAreSetByTheRegistrysClock) {
  const auto began = clock_.wall_time();
  auto ada = make("ada@x");
  EXPECT_EQ(ada.created_at, began);
  EXPECT_EQ(ada.updated_at, began);
  clock_.advance(1h);
  ada.save();
  EXPECT_EQ(ada.updated_at, began + 1h);
  clock_.advance(1h);
  ada.update(kAge = 31);
  const auto stored = Person::find(ada.id);
  EXPECT_EQ(stored.created_at, began);
  EXPECT_EQ(stored.updated_at, began + 2h);
}

TEST_F(PersonTest, TimestampThatIsGivenIsKept) {
  Person ada;
  ada.email = "ada@x";
  ada.created_at = clock_.wall_time() - 24h;
  const auto given = ada.created_at;
  ada.save();
  EXPECT_EQ(Person::find(ada.id).created_at, given);
}

// -- Finding ----------------------------------------------------------------------------------

TEST_F(PersonTest, FindThrowsAndFindIfThereDoesNot) {
  const auto error = error_of([] { return Person::find(5).id; });
  EXPECT_EQ(error.code, Errc::not_found);
  EXPECT_THAT(error.message, HasSubstr("table people: no row has this primary key"));
  EXPECT_EQ(Person::find_if_there(5).has_value(), false);
  const auto ada = make("ada@x");
  EXPECT_EQ(Person::find_if_there(ada.id)->email, "ada@x");
}

TEST_F(PersonTest, FindByTakesACondition) {
  make("a@x", 1);
  make("b@x", 2);
  EXPECT_EQ(Person::find_by(kAge == 2)->email, "b@x");
  EXPECT_FALSE(Person::find_by(kAge == 3).has_value());
}

TEST_F(PersonTest, FirstGoesByTheOrderOrByTheKey) {
  EXPECT_FALSE(Person::first().has_value());
  for (const auto* email : {"b@x", "c@x", "a@x"}) make(email);
  EXPECT_EQ(Person::first()->email, "b@x");
  EXPECT_EQ(Person::order(kEmail).first()->email, "a@x");
  EXPECT_EQ(Person::order(kEmail.desc()).first()->email, "c@x");
  EXPECT_EQ(Person::order(kEmail).offset(1).first()->email, "b@x");
  EXPECT_FALSE(Person::limit(0).first().has_value());
}

TEST_F(PersonTest, QueriesNarrowOrderAndCut) {
  for (std::int32_t i = 1; i <= 5; ++i) make(std::to_string(i) + "@x", i);
  const auto grown = Person::where(kAge > 2);
  EXPECT_THAT(emails(grown.order(kAge.desc()).all()), ElementsAre("5@x", "4@x", "3@x"));
  EXPECT_THAT(emails(grown.where(kAge < 5).order(kAge).all()), ElementsAre("3@x", "4@x"));
  EXPECT_THAT(emails(Person::order(kAge).limit(2).offset(1).all()), ElementsAre("2@x", "3@x"));
  EXPECT_THAT(emails(Person::order(kAge).offset(3).all()), ElementsAre("4@x", "5@x"));
  EXPECT_EQ(grown.count(), 3U) << "narrowing left the query as it was";
  EXPECT_EQ(grown.limit(2).count(), 2U);
  EXPECT_TRUE(grown.exists());
  EXPECT_FALSE(Person::where(kAge > 9).exists());
  EXPECT_EQ(Person::all().size(), 5U);
}

TEST_F(PersonTest, ConditionsMeanWhatTheySay) {
  Person::create(kEmail = "ada@x", kName = "Ada", kAge = 36);
  Person::create(kEmail = "bob@x", kAge = 41);
  const auto found = [](Expression condition) {
    return emails(Person::where(std::move(condition)).order(kEmail).all());
  };
  EXPECT_THAT(found(kName == std::nullopt), ElementsAre("bob@x"));
  EXPECT_THAT(found(kName != std::nullopt), ElementsAre("ada@x"));
  EXPECT_THAT(found(kEmail.in({"bob@x", "eve@x"})), ElementsAre("bob@x"));
  EXPECT_THAT(found(kEmail.in(std::vector<std::string>())), ElementsAre());
  EXPECT_THAT(found(!kEmail.in(std::vector<std::string>())), ElementsAre("ada@x", "bob@x"));
  EXPECT_THAT(found(kEmail.like("a%")), ElementsAre("ada@x"));
  EXPECT_THAT(found(!(kEmail == "ada@x") || kName == "Ada"), ElementsAre("ada@x", "bob@x"));
  EXPECT_THAT(found(kEmail == "' OR 1 = 1 --"), ElementsAre());
}

TEST_F(PersonTest, ManyValuesAndConditionsMeanWhatTheySay) {
  make("ada@x", 36);
  make("bob@x", 7);
  std::vector<int> many(30'000);
  for (std::size_t i = 0; i < many.size(); ++i) many[i] = static_cast<int>(i) + 10;
  EXPECT_EQ(Person::where(kAge.in(many)).count(), 1U);
  EXPECT_EQ(Person::where(!kAge.in(many)).count(), 1U);
  auto any = kAge == 36;
  auto all = kAge != 36;
  auto chained = Person::query();
  for (int i = 100; i < 9'100; ++i) {
    any = any || kAge == i;
    all = all && !(kAge == i);
    if (i < 190) chained = chained.where(kAge != i);
  }
  EXPECT_EQ(Person::where(any).count(), 1U);
  EXPECT_EQ(Person::where(all).count(), 1U);
  EXPECT_EQ(chained.count(), 2U);
  auto mixed = kAge == 36;
  for (int i = 1; i < 25; ++i) mixed = i % 2 == 0 ? kAge == i || mixed : kAge != i && mixed;
  EXPECT_EQ(Person::where(mixed).count(), 1U);
  EXPECT_EQ(Person::where(!mixed).count(), 1U);
  EXPECT_EQ(error_of([&] { return Person::where(!(mixed && kAge == 1)).count(); }).code,
            Errc::invalid_argument);
}

TEST_F(PersonTest, TooManyValuesAreRefusedWithTheNumber) {
  const auto error =
      error_of([] { return Person::where(kAge.in(std::vector<int>(300'000))).count(); });
  EXPECT_EQ(error.code, Errc::invalid_argument);
  EXPECT_THAT(error.message, HasSubstr("SQLite takes no more than "));
}

TEST_F(PersonTest, OffsetWithoutALimitCounts) {
  for (int i = 1; i <= 4; ++i) make(std::to_string(i) + "@x", i);
  EXPECT_EQ(Person::offset(3).count(), 1U);
  EXPECT_EQ(Person::offset(9).count(), 0U);
  EXPECT_EQ(error_of([] { return Person::limit(-1).count(); }).code, Errc::invalid_argument);
}

TEST_F(PersonTest, UpdateAllAndDeleteAllTellHowManyRows) {
  for (std::int32_t i = 1; i <= 4; ++i) make(std::to_string(i) + "@x", i);
  EXPECT_EQ(Person::where(kAge >= 3).update_all(kName = "old", kAge = 90), 2U);
  EXPECT_EQ(Person::where(kName == "old" && kAge == 90).count(), 2U);
  EXPECT_EQ(Person::where(kAge < 3).delete_all(), 2U);
  EXPECT_EQ(Person::count(), 2U);
  EXPECT_THROW(Person::limit(1).delete_all(), Error);
}

TEST_F(PersonTest, FindBySqlTakesColumnsByName) {
  make("ada@x", 36);
  const auto people = Person::find_by_sql(
      sql("SELECT updated_at, created_at, age, full_name, email, id FROM people WHERE age = $1", 36)
          .read());
  ASSERT_EQ(people.size(), 1U);
  EXPECT_EQ(people[0].email, "ada@x");
  EXPECT_FALSE(people[0].is_new());
}

TEST_F(PersonTest, FindBySqlNamesAColumnThatIsMissing) {
  make("ada@x");
  const auto error = error_of(
      [] { return Person::find_by_sql(sql("SELECT id, email FROM people").read()).size(); });
  EXPECT_EQ(error.code, Errc::invalid_argument);
  EXPECT_THAT(error.message, HasSubstr("table people: the result has no column full_name"));
}

TEST_F(PersonTest, FindBySqlRefusesAColumnThatTwoTablesHave) {
  make("ada@x");
  make("bob@x");
  const auto error = error_of([] {
    return Person::find_by_sql(
               sql("SELECT * FROM people AS a JOIN people AS b ON a.id < b.id").read())
        .size();
  });
  EXPECT_EQ(error.code, Errc::invalid_argument);
  EXPECT_THAT(error.message, HasSubstr("table people: the result has more than one column"));
}

std::vector<Person> people(std::size_t count) {
  std::vector<Person> all(count);
  for (std::size_t i = 0; i < count; ++i) {
    all[i].email = std::to_string(i) + "@x";
    all[i].age = static_cast<std::int32_t>(i);
  }
  return all;
}

TEST_F(PersonTest, ManyAreCreatedAtOnceAndComeBackAsStored) {
  const auto created = Person::create_all(people(3));
  ASSERT_EQ(created.size(), 3U);
  for (std::size_t i = 0; i < created.size(); ++i) {
    EXPECT_FALSE(created[i].is_new());
    EXPECT_NE(created[i].created_at, Timestamp());
    EXPECT_EQ(Person::find(created[i].id).email, std::to_string(i) + "@x");
  }
  EXPECT_TRUE(Person::create_all({}).empty());
}

TEST_F(PersonTest, MoreThanOneStatementTakesAreInsertedAllOrNone) {
  auto many = people(most_records(Adapter::sqlite, detail::table_info<Person>()) + 1);
  Person::insert_all(many);
  EXPECT_EQ(Person::count(), many.size());
  Person::query().delete_all();
  many.back().email = many.front().email;
  EXPECT_EQ(error_of([&] {
              Person::insert_all(many);
              return 0;
            }).code,
            Errc::constraint);
  EXPECT_EQ(Person::count(), 0U);
}

TEST_F(PersonTest, ConflictsMayBeLeftOut) {
  make("1@x");
  Person::insert_all(people(3), OnConflict::ignore);
  EXPECT_EQ(Person::count(), 3U);
  EXPECT_EQ(error_of([] {
              Person::insert_all(people(4));
              return 0;
            }).code,
            Errc::constraint);
  EXPECT_EQ(Person::count(), 3U);
}

TEST_F(PersonTest, EachVisitsEveryRowInOrderAndStopsAtAnException) {
  Person::insert_all(people(10));
  StreamOptions options;
  options.chunk_rows = 3;
  std::vector<std::int32_t> seen;
  Person::order(kAge.desc())
      .each(
          [&](const Person& person) {
            seen.push_back(person.age);
            EXPECT_FALSE(person.is_new());
          },
          options);
  EXPECT_THAT(seen, ElementsAre(9, 8, 7, 6, 5, 4, 3, 2, 1, 0));
  EXPECT_THROW(Person::each([](const Person&) { throw std::runtime_error("enough"); }),
               std::runtime_error);
  EXPECT_EQ(Person::count(), 10U);
}

TEST_F(PersonTest, ValueThatDoesNotFitIsRefusedWithItsColumn) {
  make("ada@x");
  static_cast<void>(sql("UPDATE people SET age = 'secret'").run());
  const auto wrong = error_of([] { return Person::all().size(); });
  EXPECT_EQ(wrong.code, Errc::invalid_argument);
  EXPECT_EQ(wrong.message, "column people.age: a text value cannot be read as an integer");
  static_cast<void>(sql("UPDATE people SET age = 5000000000").run());
  EXPECT_THAT(error_of([] { return Person::all().size(); }).message,
              HasSubstr("column people.age: an integer does not fit"));
}

TEST_F(PersonTest, NullInAColumnThatIsNeverNullIsRefusedWithItsColumn) {
  static_cast<void>(sql("DROP TABLE people").run());
  static_cast<void>(
      sql("CREATE TABLE people (id INTEGER PRIMARY KEY, email TEXT, full_name TEXT, age INTEGER, "
          "created_at TIMESTAMP, updated_at TIMESTAMP)")
          .run());
  static_cast<void>(sql("INSERT INTO people (id) VALUES (1)").run());
  EXPECT_EQ(error_of([] { return Person::find(1).id; }).message,
            "column people.email: null cannot be read as text: use std::optional");
}

TEST_F(PersonTest, IntegerThatDoesNotFitItsColumnIsRefusedBeforeItIsSent) {
  auto ada = make("ada@x", 30);
  constexpr std::int64_t kLarge = 4'294'967'326;  // 30 in its lower 32 bits
  const auto refused = [](const auto& action) {
    const auto error = error_of(action);
    EXPECT_EQ(error.code, Errc::invalid_argument);
    EXPECT_THAT(error.message, Not(HasSubstr("4294967326")));
    return error.message;
  };
  const auto of_age = HasSubstr("column people.age: an integer does not fit");
  EXPECT_THAT(refused([&] { return Person::where(kAge == kLarge).count(); }), of_age);
  EXPECT_THAT(refused([&] { return Person::where(kAge != kLarge).count(); }), of_age);
  EXPECT_THAT(refused([&] { return Person::where(kAge < kLarge).count(); }), of_age);
  EXPECT_THAT(refused([&] { return Person::where(kAge == std::optional(kLarge)).count(); }),
              of_age);
  EXPECT_THAT(refused([&] { return Person::where(kAge.in({kLarge})).count(); }), of_age);
  EXPECT_THAT(refused([&] {
                return Person::where(kAge.in(std::vector<std::int64_t>{1, kLarge})).count();
              }),
              of_age);
  EXPECT_THAT(refused([&] { return Person::create(kEmail = "b@x", kAge = kLarge).id; }), of_age);
  EXPECT_THAT(refused([&] { return ada.update(kAge = kLarge), 0; }), of_age);
  EXPECT_THAT(refused([&] { return Person::query().update_all(kAge = kLarge); }), of_age);
  EXPECT_EQ(ada.age, 30);
  EXPECT_EQ(Person::where(kAge == std::int64_t{30}).count(), 1U);
  EXPECT_EQ(Person::count(), 1U);
}

TEST_F(PersonTest, KeyThatDoesNotFitItsColumnIsRefused) {
  static constexpr auto kLarge = std::numeric_limits<std::uint64_t>::max();
  for (const auto& error : {error_of([] { return Person::find(kLarge).id; }),
                            error_of([] { return Person::find_if_there(kLarge).has_value(); })}) {
    EXPECT_EQ(error.code, Errc::invalid_argument);
    EXPECT_THAT(error.message, AllOf(HasSubstr("column people.id: an integer does not fit"),
                                     Not(HasSubstr(std::to_string(kLarge)))));
  }
}

// -- Context ----------------------------------------------------------------------------------

TEST_F(PersonTest, TransactionRollsRecordsBack) {
  const auto fails = [] {
    Person::transaction([] {
      make("ada@x");
      throw std::runtime_error("no");
    });
  };
  EXPECT_THROW(fails(), std::runtime_error);
  EXPECT_EQ(Person::count(), 0U);
  EXPECT_EQ(Person::transaction([] { return make("bob@x").email; }), "bob@x");
  EXPECT_EQ(Person::count(), 1U);
}

TEST_F(PersonTest, TransactionIsJoinedByAQueryThatWasMadeBefore) {
  const auto query = Person::where(kAge > 0);
  Person::transaction([&] {
    make("ada@x");
    EXPECT_EQ(query.count(), 1U);
    EXPECT_EQ(query.explain_route().reason, RouteReason::transaction);
    EXPECT_EQ(query.delete_all(), 1U);
  });
  EXPECT_NE(query.explain_route().reason, RouteReason::transaction);
}

TEST_F(PersonTest, PreventedWritesAreRefusedToAQueryThatWasMadeBefore) {
  make("ada@x");
  const auto query = Person::where(kAge > 0);
  Person::while_preventing_writes([&] {
    EXPECT_THROW(query.delete_all(), ReadOnlyError);
    EXPECT_THROW(query.update_all(kAge = 1), ReadOnlyError);
    EXPECT_EQ(query.count(), 1U);
  });
}

TEST_F(PersonTest, PreventedWritesAreRefused) {
  auto ada = make("ada@x");
  Person::while_preventing_writes([&] {
    EXPECT_THROW(make("bob@x"), ReadOnlyError);
    EXPECT_THROW(ada.save(), ReadOnlyError);
    EXPECT_THROW(ada.destroy(), ReadOnlyError);
    EXPECT_THROW(Person::where(kAge > 0).delete_all(), ReadOnlyError);
    EXPECT_EQ(Person::count(), 1U);
  });
}

// -- Shards -----------------------------------------------------------------------------------

class ShardedModelTest : public test::ModelTest {
 protected:
  template <class Function>
  static auto on(const std::string& shard, const Function& function) {
    return Purchase::connected_to({.shard = shard}, function);
  }

  ShardedModelTest() {
    for (const std::string shard : {"eu", "us"}) on(shard, [] { Purchase::create_table(); });
  }
};

TEST_F(ShardedModelTest, RecordsGoHomeToTheirShard) {
  auto purchase = on("eu", [] { return Purchase::create(field<&Purchase::total> = 1.5); });
  EXPECT_EQ(purchase.origin()->shard, "eu");
  purchase.total = 2.5;
  on("us", [&] { purchase.save(); });
  purchase.update(kTotal = 3.5);
  EXPECT_EQ(on("eu", [&] { return Purchase::find(purchase.id).total; }), 3.5);
  EXPECT_EQ(on("us", [] { return Purchase::count(); }), 0U);
  purchase.reload();
  EXPECT_EQ(purchase.total, 3.5);
  on("us", [&] { purchase.destroy(); });
  EXPECT_EQ(on("eu", [] { return Purchase::count(); }), 0U);
}

TEST_F(ShardedModelTest, LoadedRecordsRememberWhereTheyCameFrom) {
  on("us", [] { return Purchase::create(field<&Purchase::total> = 1.0); });
  auto found = on("us", [] { return Purchase::all(); });
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].origin(), &Origin::of("orders", "us"));
  found[0].total = 9;
  found[0].save();
  EXPECT_EQ(on("us", [] { return Purchase::first()->total; }), 9.0);
}

TEST_F(ShardedModelTest, NewRecordGoesWhereTheContextSays) {
  Purchase purchase;
  on("us", [&] { purchase.save(); });
  EXPECT_EQ(purchase.origin()->shard, "us");
  Purchase lost;
  EXPECT_THAT(error_of([&] { return lost.save(), 0; }).message,
              HasSubstr("no shard \"default\"; it has: eu, us"));
}

// -- Types and keys of one's own --------------------------------------------------------------

using CarTest = test::ModelTest;

TEST_F(CarTest, TypesWithACodecAreStoredAndCompared) {
  Car::create_table();
  Car::create(kPlate = "A", kColour = Colour::green);
  Car::create(kPlate = "B", kColour = Colour::red);
  EXPECT_EQ(Car::find("A").colour, Colour::green);
  EXPECT_EQ(Car::where(field<&Car::colour> == Colour::red).first()->plate, "B");
  static_cast<void>(sql("UPDATE cars SET colour = 'mauve'").run());
  EXPECT_EQ(error_of([] { return Car::find("A").colour; }).message,
            "column cars.colour: no such colour");
}

TEST_F(CarTest, KeyThatIsTextIsNotGenerated) {
  Car::create_table();
  Car car;
  car.plate = "X 1";
  car.save();
  car.colour = Colour::green;
  car.save();
  EXPECT_EQ(Car::count(), 1U);
  EXPECT_EQ(Car::find("X 1").colour, Colour::green);
}

}  // namespace
}  // namespace grant
