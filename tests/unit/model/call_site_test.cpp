#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "grant/grant.hpp"
#include "support/error_of.hpp"
#include "unit/registry/registry_fixture.hpp"

namespace grant {
namespace {

using ::testing::HasSubstr;

struct Entry : Model<Entry> {
  std::int64_t id{};
  std::int64_t v{};

  static constexpr auto table = grant::table<Entry>(
      "entries", grant::column<&Entry::id>.primary_key(), grant::column<&Entry::v>);
  static constexpr auto connection = connects_to("shop");
};

constexpr auto kId = field<&Entry::id>;
constexpr auto kV = field<&Entry::v>;

/// A database with one connection. While it is out, asking for another is refused with the line
/// that took it: the same place that a leak is reported with.
class CallSites : public ::testing::Test {
 protected:
  CallSites() {
    servers_.is("w", NodeKind::primary);
    auto shop = test::spec("w");
    shop.pool.max_size = 1;
    registry_ = std::make_shared<Registry>(Databases{{"shop", shop}}, servers_.options());
    registry_->check_health_now();
    session_ = Session(registry_);
    servers_.driver.server("w").on_statement([this](const Statement&) { return answer(); });
  }

  /// Runs `call`, which must be written on the line that calls this.
  void expect_here(const std::function<void()>& call, CallSite here = CallSite::current()) {
    taken_at_.clear();
    watching_ = true;
    session_.run([&] {
      try {
        call();
      } catch (const Error&) {
        // What it makes of the answer is not looked at here.
      }
    });
    watching_ = false;
    const auto expected = "one since " + std::string(here.file) + ":" + std::to_string(here.line);
    EXPECT_THAT(taken_at_, HasSubstr(expected + ","));
  }

  [[nodiscard]] Entry stored() const {
    return session_.run([] { return Entry::find(1); });
  }

 private:
  std::unique_ptr<Result> answer() {
    if (watching_) {
      watching_ = false;
      taken_at_ = test::error_of([&] {
                    return session_.run([] { return sql("SELECT").on("shop").run(); });
                  }).message;
    }
    std::vector<std::vector<Value>> row(1);
    for (const std::int64_t each : {1, 2}) row[0].emplace_back(ValueView::integer(each));
    return test::rows({"id", "v"}, std::move(row), 1);
  }

  test::Servers servers_;
  std::shared_ptr<Registry> registry_;
  Session session_;
  bool watching_ = false;
  std::string taken_at_;
};

// -- Each public function -----------------------------------------------------------------------

TEST_F(CallSites, OfWritesAreTheCallers) {
  expect_here([] { Entry::create(Entry{}); });
  expect_here([] { Entry::create(kV = 2); });
  expect_here([] { Entry::create(kId = 1, kV = 2); });
  expect_here([] { Entry::create_all(std::vector<Entry>(1)); });
  expect_here([] { Entry::insert_all(std::vector<Entry>(1)); });
  expect_here([] { Entry::insert_all(std::vector<Entry>(1), OnConflict::ignore); });
  expect_here([] { Entry{}.save(); });
  expect_here([] { Entry{}.update(kV = 3); });
  expect_here([] { Entry::query().update_all(kV = 3); });
  expect_here([] { Entry::query().update_all(kId = 3, kV = 3); });
  expect_here([] { Entry::query().delete_all(); });
  expect_here([] { Entry::create_table(); });
}

TEST_F(CallSites, OfInsertsInPartsAreTheCallers) {
  // More values than one statement has placeholders for: a transaction, which takes the connection.
  expect_here([] { Entry::create_all(std::vector<Entry>(70'000)); });
  expect_here([] { Entry::insert_all(std::vector<Entry>(70'000)); });
}

TEST_F(CallSites, OfAStoredRecordAreTheCallers) {
  auto entry = stored();
  expect_here([&] { entry.save(); });
  expect_here([&] { entry.update(kV = 4); });
  expect_here([&] { entry.reload(); });
  expect_here([&] { entry.destroy(); });
}

TEST_F(CallSites, OfReadsAreTheCallers) {
  expect_here([] { (void)Entry::find(1); });
  expect_here([] { (void)Entry::find_if_there(1); });
  expect_here([] { (void)Entry::find_by(kV == 2); });
  expect_here([] { (void)Entry::find_by_sql(sql("SELECT * FROM entries")); });
  expect_here([] { (void)Entry::all(); });
  expect_here([] { (void)Entry::first(); });
  expect_here([] { (void)Entry::count(); });
  expect_here([] { (void)Entry::exists(); });
  expect_here([] { Entry::each([](const Entry&) {}); });
  expect_here([] { (void)Entry::where(kV == 2).all(); });
  expect_here([] { (void)Entry::where(kV == 2).first(); });
  expect_here([] { (void)Entry::where(kV == 2).count(); });
  expect_here([] { (void)Entry::where(kV == 2).exists(); });
  expect_here([] { Entry::where(kV == 2).each([](const Entry&) {}); });
}

TEST_F(CallSites, OfRawSqlAreTheCallers) {
  expect_here([] { sql("WRITE").on("shop").run(); });
  expect_here([] { sql("SELECT").on("shop").read().run(); });
  expect_here([] { (void)sql("SELECT").on("shop").read().execute(); });
}

TEST_F(CallSites, OfTransactionsAreTheCallers) {
  expect_here([] { grant::transaction("shop", [] {}); });
  expect_here([] { Entry::transaction([] {}); });
  TransactionSpec spec;
  spec.database = "shop";
  expect_here([&] { grant::transaction(spec, [] {}); });
  // What joins a transaction uses its connection, so it is its line that counts.
  expect_here([] { Entry::transaction([] { (void)Entry::find(1); }); });
}

}  // namespace
}  // namespace grant
