// Connecting, and what a node is seen to be.

#include <chrono>

#include "contract/contract.hpp"

namespace grant::contract {
namespace {

using namespace std::chrono_literals;
using ::testing::AnyOf;
using ::testing::HasSubstr;

TEST_P(Contract, FreshConnectionIsOpenAndOutsideATransaction) {
  EXPECT_TRUE(connection().is_open());
  EXPECT_EQ(connection().transaction_state(), TransactionState::none);
  EXPECT_THAT(connection().kind_hint(), AnyOf(NodeKind::primary, NodeKind::unknown));
}

TEST_P(Contract, ProbeSeesAPrimary) {
  const auto seen = grant::run(connection().probe(call()));
  EXPECT_EQ(seen.kind, NodeKind::primary);
  EXPECT_FALSE(seen.version.empty());
  ASSERT_TRUE(seen.clock.has_value());
  const auto apart = *seen.clock - Clock::system().wall_time();
  EXPECT_LT(apart, 60s);
  EXPECT_GT(apart, -60s);
}

TEST_P(Contract, ProbesOfOneServerNameOneInstance) {
  const auto other = connect();
  const auto first = grant::run(connection().probe(call()));
  const auto second = grant::run(other->probe(call()));
  EXPECT_FALSE(first.instance.empty());
  EXPECT_EQ(first.instance, second.instance);
  EXPECT_EQ(first.epoch, second.epoch);
}

TEST_P(Contract, ProbeNeedsNoTableOfOurs) {
  for (int i = 0; i < 3; ++i) grant::run(connection().probe(call()));
  expect_usable();
}

TEST_P(Contract, ProbeAfterItsDeadlineFails) {
  const auto past = io::Call(io::blocking_waiter(), Clock::system().now() - 1ms);
  const auto error = error_of([&] { grant::run(connection().probe(past)); });
  EXPECT_THAT(error.code, AnyOf(Errc::timeout, Errc::unavailable));
}

TEST_P(Contract, ReaderIsSeenAsAReplica) {
  if (!backend().traits().has_replicas) GTEST_SKIP() << "the engine has no replicas";
  const auto reader = connect(backend().reader());
  EXPECT_EQ(grant::run(reader->probe(call())).kind, NodeKind::replica);
  EXPECT_THAT(reader->kind_hint(), AnyOf(NodeKind::replica, NodeKind::unknown));
}

TEST_P(Contract, ReaderRefusesWritesAndServesOn) {
  const auto reader = connect(backend().reader());
  EXPECT_EQ(error_of([&] { run_on(*reader, "CREATE TABLE contract_refused (id integer)"); }).code,
            Errc::read_only);
  EXPECT_TRUE(reader->is_open());
  EXPECT_EQ(number_on(*reader, "SELECT 1"), 1);
}

TEST_P(Contract, ReadTransactionsWorkOnAReader) {
  const auto reader = connect(backend().reader());
  TransactionOptions options;
  options.effect = Effect::read;
  grant::run(reader->begin(call(), options));
  EXPECT_EQ(number_on(*reader, "SELECT 1"), 1);
  grant::run(reader->commit(call()));
}

TEST_P(Contract, UnreachableNodeIsUnavailableAndNamed) {
  ConnectOptions options;
  options.url = backend().unreachable();
  options.node = "contract/nowhere";
  const auto error = error_of([&] { connect(std::move(options)); });
  EXPECT_EQ(error.code, Errc::unavailable);
  EXPECT_EQ(error.node, "contract/nowhere");
  EXPECT_THAT(error.message, HasSubstr("contract/nowhere"));
}

TEST_P(Contract, TransportIsWhatItsNameSays) {
  const auto query = backend().transport_query();
  if (query.empty()) GTEST_SKIP() << "the engine has no transports";
  EXPECT_EQ(run(query)->cell(0, 0).as_characters(), GetParam().name);
}

TEST_P(Contract, ConnectAfterItsDeadlineIsUnavailable) {
  ConnectOptions options;
  options.url = backend().url();
  options.node = "contract/late";
  const auto past = io::Call(io::blocking_waiter(), Clock::system().now() - 1ms);
  const auto error =
      error_of([&] { grant::run(backend().driver().connect(past, std::move(options))); });
  EXPECT_EQ(error.code, Errc::unavailable);
  EXPECT_EQ(error.node, "contract/late");
}

TEST_P(Contract, ValidateAcceptsTheUrlAndRefusesAnUnknownParameterByName) {
  auto url = backend().url();
  backend().driver().validate(url);
  url.params.emplace_back("no_such_parameter", "1");
  const auto error = error_of([&] { backend().driver().validate(url); });
  EXPECT_EQ(error.code, Errc::configuration);
  EXPECT_THAT(error.message, HasSubstr("no_such_parameter"));
}

TEST_P(Contract, DriverIsTheRegisteredOne) {
  EXPECT_EQ(&find_driver(backend().driver().adapter()), &backend().driver());
  EXPECT_EQ(backend().url().adapter, backend().driver().adapter());
}

}  // namespace
}  // namespace grant::contract
