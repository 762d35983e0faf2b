// Models on MariaDB: its dialect of SQL, and every type of member.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <nlohmann/json.hpp>

#include "grant/grant.hpp"
#include "support/error_of.hpp"
#include "support/mariadb_cluster.hpp"
#include "support/shared_server.hpp"

namespace grant::test {
namespace {

using namespace std::chrono_literals;

/// Names that are words of SQL, and every type of member.
struct Sample : Model<Sample> {
  std::int64_t id{};
  bool flag{};
  std::int16_t order{};
  std::uint32_t natural{};
  float single{};
  double real{};
  std::string key{};
  Bytes bytes{};
  Timestamp moment{};
  Json document{};
  std::optional<bool> maybe_flag{};
  std::optional<std::int64_t> maybe_large{};
  std::optional<double> maybe_real{};
  std::optional<std::string> maybe_text{};
  std::optional<Bytes> maybe_bytes{};
  std::optional<Timestamp> maybe_moment{};
  std::optional<Json> maybe_document{};

  static constexpr auto table = grant::table<Sample>(
      "select", column<&Sample::id>.primary_key(), column<&Sample::flag>, column<&Sample::order>,
      column<&Sample::natural>, column<&Sample::single>, column<&Sample::real>,
      column<&Sample::key>.unique(), column<&Sample::bytes>, column<&Sample::moment>,
      column<&Sample::document>, column<&Sample::maybe_flag>, column<&Sample::maybe_large>,
      column<&Sample::maybe_real>, column<&Sample::maybe_text>, column<&Sample::maybe_bytes>,
      column<&Sample::maybe_moment>, column<&Sample::maybe_document>);
};

struct Counter : Model<Counter> {
  std::int64_t id{};

  static constexpr auto table =
      grant::table<Counter>("counters", column<&Counter::id>.primary_key());
};

constexpr auto flag = field<&Sample::flag>;
constexpr auto key = field<&Sample::key>;
constexpr auto order = field<&Sample::order>;

class MariadbModels : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto& servers = SharedServer<MariadbCluster, 1>::get();
    ConnectionSpec spec;
    spec.writer = servers.url(0);
    spec.readers = {servers.url(1)};
    establish_connections({{"primary", spec}});
    Sample::create_table();
  }
  void TearDown() override {
    sql("DROP TABLE `select`").run();
    close_connections();
  }

  static Sample made(const std::string& name, std::int16_t place) {
    Sample sample;
    sample.key = name;
    sample.order = place;
    return Sample::create(sample);
  }
};

TEST_F(MariadbModels, EveryTypeOfMemberComesBack) {
  Sample sample;
  sample.flag = true;
  sample.order = std::numeric_limits<std::int16_t>::min();
  sample.natural = std::numeric_limits<std::uint32_t>::max();
  sample.single = 0.1F;
  sample.real = std::numeric_limits<double>::denorm_min();
  sample.key = "it's \xF0\x9F\x90\x98 \\ \"quoted\"";
  sample.bytes = {std::byte{0}, std::byte{0xff}};
  sample.moment = std::chrono::sys_days(std::chrono::year(2026) / 7 / 31) + 23h + 123'456us;
  sample.document = nlohmann::json{{"a", {1, 2.5, nullptr}}};
  sample.maybe_large = std::numeric_limits<std::int64_t>::min();
  sample.maybe_document = nlohmann::json("text");
  const auto created = Sample::create(sample);
  EXPECT_GT(created.id, 0);

  for (const auto& found : {created, Sample::find(created.id)}) {
    EXPECT_TRUE(found.flag);
    EXPECT_EQ(found.order, sample.order);
    EXPECT_EQ(found.natural, sample.natural);
    EXPECT_EQ(found.single, sample.single);
    EXPECT_EQ(found.real, sample.real);
    EXPECT_EQ(found.key, sample.key);
    EXPECT_EQ(found.bytes, sample.bytes);
    EXPECT_EQ(found.moment, sample.moment);
    EXPECT_EQ(found.document, sample.document);
    EXPECT_EQ(found.maybe_large, sample.maybe_large);
    EXPECT_EQ(found.maybe_document, sample.maybe_document);
    EXPECT_EQ(found.maybe_flag, std::nullopt);
    EXPECT_EQ(found.maybe_text, std::nullopt);
    EXPECT_EQ(found.maybe_bytes, std::nullopt);
    EXPECT_EQ(found.maybe_moment, std::nullopt);
  }
}

TEST_F(MariadbModels, LongAndDeepConditionsAndManyValuesAreTaken) {
  made("a", 7);
  auto deep = order == 1;
  for (std::int16_t i = 1; i < 200; ++i) {
    deep = i % 2 == 0 ? order != i && deep : order == i || deep;
  }
  EXPECT_EQ(Sample::where(deep).count(), 1U);  // 7 is among them
  auto any = order == 0;
  for (std::int16_t i = 1; i < 9'000; ++i) any = any || order == i;
  EXPECT_EQ(Sample::where(any).count(), 1U);
  EXPECT_EQ(Sample::where(order.in(std::vector<std::int16_t>(65'535, 7))).count(), 1U);
  try {
    static_cast<void>(Sample::where(order.in(std::vector<std::int16_t>(65'536, 7))).count());
    ADD_FAILURE() << "nothing was thrown";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Errc::invalid_argument);
  }
}

TEST_F(MariadbModels, RecordsAreSavedUpdatedAndDestroyed) {
  auto sample = made("first", 1);
  sample.maybe_text = "saved";
  sample.save();
  EXPECT_EQ(Sample::find(sample.id).maybe_text, "saved");
  sample.update(key = "renamed");
  EXPECT_EQ(Sample::find(sample.id).key, "renamed");
  sample.save();  // changes nothing, and finds its row all the same
  sample.destroy();
  EXPECT_THROW(static_cast<void>(Sample::find(sample.id)), RecordNotFound);
}

TEST_F(MariadbModels, QueriesOrderLimitAndSkip) {
  for (std::int16_t i = 1; i <= 5; ++i) made("sample " + std::to_string(i), i);
  const auto all = Sample::where(order > 0).order(order.desc());
  EXPECT_EQ(all.count(), 5);
  EXPECT_EQ(all.limit(2).all().at(1).order, 4);
  EXPECT_EQ(all.limit(2).offset(1).all().at(0).order, 4);
  EXPECT_EQ(all.offset(3).all().size(), 2U);
  EXPECT_EQ(Sample::where(order.in({2, 3})).count(), 2);
  EXPECT_EQ(Sample::where(key.like("% 4")).first()->order, 4);
  EXPECT_EQ(Sample::where(order > 3).update_all(flag = true), 2);
  EXPECT_EQ(Sample::where(field<&Sample::flag> == true).count(), 2);
  EXPECT_EQ(Sample::where(order > 3).delete_all(), 2);
  EXPECT_EQ(all.count(), 3);
}

TEST_F(MariadbModels, UniqueColumnsAreEnforcedAndNamed) {
  made("secret", 1);
  const auto error = error_of([] { return made("secret", 2); });
  EXPECT_EQ(error.code, Errc::constraint);
  EXPECT_EQ(error.constraint, "key");
  EXPECT_THAT(error.message, ::testing::Not(::testing::HasSubstr("secret")));
}

TEST_F(MariadbModels, TransactionsCommitAndRollBack) {
  transaction("primary", [] { made("kept", 1); });
  EXPECT_THROW(transaction("primary",
                           [] {
                             made("lost", 2);
                             throw std::runtime_error("undo");
                           }),
               std::runtime_error);
  EXPECT_EQ(Sample::where(order > 0).count(), 1);
}

TEST_F(MariadbModels, RowsWithNothingButAKeyCanBeMade) {
  Counter::create_table();
  const auto first = Counter::create({});
  EXPECT_EQ(Counter::create({}).id, first.id + 1);
  sql("DROP TABLE counters").run();
}

}  // namespace
}  // namespace grant::test
