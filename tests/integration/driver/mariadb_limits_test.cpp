// What the server would hang up on is refused before it is sent.

#include <algorithm>
#include <functional>
#include <limits>
#include <utility>

#include "grant/driver/row_source.hpp"
#include "integration/driver/mariadb_fixture.hpp"
#include "support/zeros.hpp"

namespace grant::test {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr std::size_t kLimit = std::size_t{1} << 20U;

/// Sessions that begin during a test get messages of less than kLimit taken.
class MariadbLimits : public ::testing::Test {
 protected:
  void SetUp() override {
    usual_ = cluster().sql(0, "SELECT @@global.max_allowed_packet");
    cluster().sql(0, "SET GLOBAL max_allowed_packet = " + std::to_string(kLimit));
    connection_ = connect_to(0);
    exec(*connection_, "create or replace table large (v longblob)");
  }
  void TearDown() override {
    exec(*connection_, "drop table large");
    connection_.reset();
    cluster().sql(0, "SET GLOBAL max_allowed_packet = " + usual_);
  }

  std::string count() { return first(*connection_, "select count(*) from large"); }

  void expect_refused(const ErrorInfo& error) {
    EXPECT_EQ(error.code, Errc::invalid_argument) << error.message;
    EXPECT_THAT(error.message,
                AllOf(HasSubstr("nothing was sent"), HasSubstr(std::to_string(kLimit)),
                      HasSubstr("max_allowed_packet")));
    EXPECT_TRUE(connection_->is_open());
  }

  static ValueView bytes(const Zeros& zeros) { return ValueView::bytes(zeros.bytes()); }

  std::unique_ptr<Connection> connection_;
  std::string usual_;
};

// One value: 14 bytes around it, and 4 of length.
constexpr std::size_t kAround = 18;
constexpr const char* kInsert = "insert into large values ($1)";

TEST_F(MariadbLimits, StatementIsTakenUpToTheLastByteThatTheServerTakes) {
  const Zeros most(kLimit - 1 - kAround);
  const Zeros more(kLimit - kAround);
  for (int i = 0; i < 2; ++i) exec(*connection_, kInsert, {bytes(most)});
  expect_refused(exec_error(*connection_, kInsert, {bytes(more)}));
  EXPECT_EQ(count(), "2");
}

TEST_F(MariadbLimits, EachSessionHasTheLimitThatItBeganWith) {
  cluster().sql(0, "SET GLOBAL max_allowed_packet = " + std::to_string(4 * kLimit));
  const auto other = connect_to(0);
  const Zeros more(kLimit - kAround);
  exec(*other, kInsert, {bytes(more)});
  EXPECT_EQ(count(), "1");
}

TEST_F(MariadbLimits, TextOfAStatementCountsToo) {
  const auto sql = "select length('" + std::string(kLimit, 'x') + "')";
  expect_refused(exec_error(*connection_, sql));
  EXPECT_EQ(count(), "0");
}

TEST_F(MariadbLimits, TransactionGoesOnWithoutWhatWasRefused) {
  const Zeros more(3 * kLimit);
  run(connection_->begin(within(kPatience), {}));
  exec(*connection_, kInsert, {ValueView::text("small")});
  expect_refused(exec_error(*connection_, kInsert, {bytes(more)}));
  EXPECT_EQ(connection_->transaction_state(), TransactionState::open);
  run(connection_->commit(within(kPatience)));
  EXPECT_EQ(count(), "1");
}

TEST_F(MariadbLimits, StreamIsRefusedAsWell) {
  const Zeros more(3 * kLimit);
  const std::vector<ValueView> params{bytes(more)};
  Statement statement;
  statement.sql = "select v from large where v = $1";
  statement.params = params;
  statement.effect = Effect::read;
  expect_refused(
      error_of([&] { return run(connection_->stream(within(kPatience), statement, {})); }));
  EXPECT_EQ(count(), "0");
}

/// Rows of one value.
class Values final : public RowSource {
 public:
  Values(std::size_t count, ValueView usual, std::size_t odd_at, ValueView odd)
      : count_(count), usual_(usual), odd_at_(odd_at), odd_(odd) {}
  bool next(std::span<ValueView> row) override {
    if (made_ == count_) return false;
    row[0] = made_++ == odd_at_ ? odd_ : usual_;
    return true;
  }

 private:
  const std::size_t count_;
  const ValueView usual_;
  const std::size_t odd_at_;
  const ValueView odd_;
  std::size_t made_ = 0;
};

/// Rows that are all the same.
class Alike final : public RowSource {
 public:
  Alike(std::size_t count, std::function<void(std::span<ValueView>)> fill)
      : left_(count), fill_(std::move(fill)) {}
  bool next(std::span<ValueView> row) override {
    if (left_ == 0) return false;
    --left_;
    fill_(row);
    return true;
  }

 private:
  std::size_t left_;
  const std::function<void(std::span<ValueView>)> fill_;
};

TEST_F(MariadbLimits, LoadedRowsGoInMessagesThatTheServerTakes) {
  const Zeros some(kLimit / 16);
  const std::vector<std::string_view> columns{"v"};
  Values rows(100, bytes(some), std::numeric_limits<std::size_t>::max(), {});
  EXPECT_EQ(run(connection_->load(within(kPatience), {.table = "large", .columns = columns}, rows)),
            100U);
  EXPECT_EQ(count(), "100");
}

TEST_F(MariadbLimits, NumbersCountToo) {
  exec(*connection_, "create or replace table numbers (a bigint, b bigint, c bigint)");
  const auto row = [](std::span<ValueView> cells) {
    std::ranges::fill(cells, ValueView::integer(1));
  };
  const std::vector<std::string_view> columns{"a", "b", "c"};
  cluster().sql(0, "SET GLOBAL max_allowed_packet = 65536");
  const auto narrow = connect_to(0);
  Alike rows(20'000, row);
  EXPECT_EQ(run(narrow->load(within(kPatience), {.table = "numbers", .columns = columns}, rows)),
            20'000U);
  EXPECT_EQ(first(*connection_, "select count(*) from numbers"), "20000");
  exec(*connection_, "drop table numbers");
}

TEST_F(MariadbLimits, LoadedRowThatNoMessageHoldsUndoesTheLoad) {
  const Zeros some(kLimit / 16);
  const Zeros more(kLimit);
  const std::vector<std::string_view> columns{"v"};
  Values rows(100, bytes(some), 70, bytes(more));
  expect_refused(error_of([&] {
    return run(connection_->load(within(kPatience), {.table = "large", .columns = columns}, rows));
  }));
  EXPECT_EQ(count(), "0");
}

}  // namespace
}  // namespace grant::test
