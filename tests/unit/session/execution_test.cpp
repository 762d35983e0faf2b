#include "grant/session/execution.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <new>
#include <optional>
#include <thread>
#include <utility>

#include "grant/io/poll_loop.hpp"
#include "session/place.hpp"
#include "support/eventually.hpp"
#include "support/nodes.hpp"
#include "unit/session/session_fixture.hpp"

namespace grant {
namespace {

using namespace std::chrono_literals;
using test::error_of;
using test::eventually;
using test::failing;
using test::Shop;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr auto kReplica = "shop/reader-1 (replica)";
constexpr auto kFallback = "shop/writer (no replica is fit)";

RoutingOptions attempts(std::size_t count) {
  RoutingOptions routing;
  routing.failover_retry_attempts = count;
  return routing;
}

RoutingOptions patience(std::chrono::milliseconds timeout) {
  RoutingOptions routing;
  routing.failover_timeout = timeout;
  return routing;
}

/// Answers each statement with `sql` with this error, and leaves the connection as it is.
test::MemoryServer::Handler answering(std::string sql, Errc code,
                                      std::string words = "it fails as told") {
  return [sql = std::move(sql), code,
          words = std::move(words)](const Statement& statement) -> std::unique_ptr<Result> {
    if (statement.sql != sql) return nullptr;
    ErrorInfo info;
    info.code = code;
    info.message = words;
    info.sqlstate = "53200";
    throw_error(std::move(info));
  };
}

/// Makes the probes of a node fail, and takes that in.
void take_down(const Shop& shop, const std::string& name) {
  shop.server(name).observe(std::nullopt);
  shop.server(name).refuse_connects(Errc::unavailable);
  shop.server(name).break_connections();
  shop.registry->check_health_now();
}

TEST(Execution, ReadsGoToAReplicaAndWritesToThePrimary) {
  const Shop shop;
  EXPECT_EQ(shop.read(), kReplica);
  EXPECT_EQ(shop.write(), "shop/writer (write)");
  EXPECT_THAT(shop.replica().statements(), ElementsAre("SELECT"));
  EXPECT_THAT(shop.primary().statements(), ElementsAre("WRITE"));
}

TEST(Execution, RawSqlIsAWriteUnlessItIsMarked) {
  const Shop shop;
  shop.session.run([] { return sql("SELECT").on("shop").run(); });
  EXPECT_EQ(shop.session.last_served()->summary(), "shop/writer (write)");
}

TEST(Execution, RoleDecidesWhereReadsGo) {
  const Shop shop;
  const auto in = [&](Role role) {
    return connected_to({.role = role}, [&] { return shop.read(); });
  };
  EXPECT_EQ(in(Role::writing), "shop/writer (writing role)");
  EXPECT_EQ(in(Role::reading), kReplica);
}

TEST(Execution, ReadingWithoutReadersUsesThePrimary) {
  const Shop shop(0);
  EXPECT_EQ(connected_to({.role = Role::reading}, [&] { return shop.read(); }),
            "shop/writer (no reader is configured)");
}

TEST(Execution, QueryKeepsTheContextItWasMadeIn) {
  const Shop shop;
  const auto query = shop.session.run([] {
    return connected_to({.role = Role::writing}, [] { return sql("SELECT").on("shop").read(); });
  });
  static_cast<void>(query.run());
  EXPECT_EQ(shop.session.last_served()->summary(), "shop/writer (writing role)");
}

TEST(Execution, QueryIsRefusedAsAWriteWhereItRuns) {
  const Shop shop;
  const auto write = shop.session.run([] { return sql("WRITE").on("shop"); });
  const auto read = shop.session.run([] { return sql("SELECT").on("shop").read(); });
  while_preventing_writes([&] {
    EXPECT_THROW(static_cast<void>(write.run()), ReadOnlyError);
    static_cast<void>(read.run());
  });
  EXPECT_THAT(shop.primary().statements(), IsEmpty());
}

TEST(Execution, QueryObeysTheDeadlineOfWhereItRuns) {
  const Shop shop;
  shop.replica().answering.shut();
  // The longer one is there so that the test ends in any case.
  const auto query = connected_to({.timeout = 10s}, [&] {
    return shop.session.run([] { return sql("SELECT").on("shop").read(); });
  });
  const auto began = Clock::system().now();
  const auto error =
      error_of([&] { return connected_to({.timeout = 10ms}, [&] { return query.run(); }); });
  EXPECT_EQ(error.code, Errc::timeout);
  EXPECT_LT(Clock::system().now() - began, 9s);
}

TEST(Execution, LongestTimeoutThereIsDoesNotEndAnything) {
  constexpr auto longest = std::chrono::milliseconds::max();
  Shop shop;
  auto patient = test::spec("w");
  patient.pool.checkout_timeout = longest;
  patient.routing.failover_timeout = longest;
  patient.routing.sticky_period = longest;
  patient.routing.replica_lag_threshold = longest;
  patient.health_check.interval = longest;
  patient.health_check.recheck_interval = longest;
  patient.readers = {"mariadb://r1/db"};
  shop.start(patient, {"r1"});
  EXPECT_EQ(shop.read(), kReplica);
  connected_to({.timeout = longest}, [&] {
    EXPECT_EQ(shop.write(), "shop/writer (write)");
    EXPECT_EQ(shop.read(), "shop/writer (sticky after a write)");
  });
}

TEST(Execution, ExplainTellsWhereAStatementWouldGo) {
  const Shop shop;
  const auto explain = [&](bool as_read) {
    return shop.session.run([&] {
      auto raw = sql("X").on("shop");
      return (as_read ? explain_route(std::move(raw).read()) : explain_route(raw)).summary();
    });
  };
  EXPECT_EQ(explain(true), kReplica);
  EXPECT_EQ(explain(false), "shop/writer (write)");
  EXPECT_THAT(shop.replica().statements(), IsEmpty());
}

// -- Reads are tried elsewhere ----------------------------------------------------------------

TEST(ExecutionReads, LostConnectionIsRetriedOnAnotherNode) {
  const Shop shop;
  EXPECT_EQ(shop.read(), kReplica);
  shop.replica().lose_connections();
  EXPECT_EQ(shop.read(), kFallback);
}

TEST(ExecutionReads, LossOfOneConnectionDropsTheOthersToThatNode) {
  const Shop shop;
  auto& pool = test::node_of(*shop.registry->cluster("shop"), 1).pool();
  {
    const auto a = run(pool.acquire(test::blocking()));
    const auto b = run(pool.acquire(test::blocking()));
  }
  shop.replica().lose_connections();
  static_cast<void>(shop.read());
  EXPECT_EQ(pool.stats().idle, 0U);
}

TEST(ExecutionReads, LossOfOneConnectionLeavesThoseInUse) {
  const Shop shop;
  auto& pool = test::node_of(*shop.registry->cluster("shop"), 1).pool();
  shop.replica().on_statement(failing("SELECT", Errc::unavailable, 1));
  {
    const auto in_use = run(pool.acquire(test::blocking()));
    EXPECT_EQ(shop.read(), kFallback);
  }
  EXPECT_EQ(pool.stats().idle, 1U);
}

TEST(ExecutionReads, StreamIsNotTriedAgainAfterRowsWereHandedOut) {
  const Shop shop;
  for (const std::string name : {"w", "r1"}) {
    shop.server(name).on_statement([](const Statement& statement) {
      std::vector<std::vector<Value>> cells(1);
      cells[0].emplace_back(ValueView::integer(1));
      return statement.sql == "SELECT" ? test::rows({"id"}, std::move(cells)) : nullptr;
    });
  }
  detail::Access access;
  access.connection = connects_to("shop");
  Statement statement;
  statement.sql = "SELECT";
  statement.effect = Effect::read;
  int taken = 0;
  const auto error = error_of([&] {
    shop.session.run([&] {
      access.scope = detail::Scope::here();
      detail::stream(detail::Place(access), statement, {}, [&](const Result&, const Origin*) {
        ++taken;
        throw_error(Errc::unavailable, "it is lost half-way");
      });
    });
  });
  EXPECT_EQ(error.code, Errc::unavailable);
  EXPECT_EQ(taken, 1);
}

TEST(ExecutionReads, StreamWithoutMemoryIsAnError) {
  const Shop shop;
  for (const std::string name : {"w", "r1"}) {
    shop.server(name).on_statement([](const Statement& statement) -> std::unique_ptr<Result> {
      if (statement.sql == "SELECT") throw std::bad_alloc();
      return nullptr;
    });
  }
  detail::Access access;
  access.connection = connects_to("shop");
  Statement statement;
  statement.sql = "SELECT";
  statement.effect = Effect::read;
  const auto error = error_of([&] {
    shop.session.run([&] {
      access.scope = detail::Scope::here();
      detail::stream(detail::Place(access), statement, {}, [](const Result&, const Origin*) {});
    });
  });
  EXPECT_EQ(error.code, Errc::invalid_argument);
  EXPECT_THAT(error.message, ::testing::HasSubstr("no memory"));
}

TEST(ExecutionTransactions, LostConnectionDropsTheIdleOnesOnce) {
  const Shop shop;
  auto& pool = test::node_of(*shop.registry->cluster("shop"), 0).pool();
  // Until its end, each statement of the transaction meets the connection that was closed.
  EXPECT_THROW(shop.session.run([&] {
    transaction("shop", [&] {
      shop.primary().break_connections();
      EXPECT_EQ(error_of([&] { sql("WRITE").on("shop").run(); }).code, Errc::unavailable);
      { const auto healthy = run(pool.acquire(test::blocking())); }
      ASSERT_EQ(pool.stats().idle, 1U);
      EXPECT_THROW(sql("WRITE").on("shop").run(), Error);
      EXPECT_THROW(sql("SELECT").on("shop").read().run(), Error);
      EXPECT_EQ(pool.stats().idle, 1U);
    });
  }),
               Error);
  EXPECT_EQ(pool.stats().idle, 1U);
}

TEST(ExecutionReads, ConflictIsRetriedOnAnotherNode) {
  const Shop shop;
  shop.replica().on_statement(failing("SELECT", Errc::conflict));
  EXPECT_EQ(shop.read(), kFallback);
  EXPECT_THAT(shop.replica().statements(), ElementsAre("SELECT"));
}

TEST(ExecutionReads, RefusedConnectionIsRetriedOnAnotherNodeAndCounts) {
  const Shop shop;
  shop.replica().refuse_connects(Errc::unavailable);
  shop.replica().observe(std::nullopt);
  EXPECT_EQ(shop.read(), kFallback);
  EXPECT_FALSE(shop.registry->cluster("shop")->topology().table()->nodes[1].healthy);
}

TEST(ExecutionReads, RefusalThatDoesNotMakeANodeUnhealthyIsRetriedElsewhereToo) {
  Shop shop;
  auto patient = test::spec("w", {"r1"});
  patient.health_check.failure_threshold = 9;
  patient.routing = attempts(1);
  shop.start(patient, {"r1"});
  shop.replica().refuse_connects(Errc::unavailable);
  EXPECT_EQ(shop.read(), kFallback);
  EXPECT_TRUE(shop.registry->cluster("shop")->topology().table()->nodes[1].healthy);
}

TEST(ExecutionReads, FailureNamesEveryNodeThatWasTried) {
  const Shop shop(2, patience(0s));
  for (const auto* name : {"w", "r1", "r2"}) {
    shop.server(name).observe(std::nullopt);
    shop.server(name).break_connections();
    shop.server(name).refuse_connects(Errc::unavailable);
  }
  const auto error = error_of([&] { return shop.read(); });
  EXPECT_EQ(error.code, Errc::unavailable);
  EXPECT_THAT(error.message, AllOf(HasSubstr("shop/writer"), HasSubstr("shop/reader-1"),
                                   HasSubstr("shop/reader-2")));
}

TEST(ExecutionReads, TimeoutIsNotRetried) {
  const Shop shop;
  shop.replica().on_statement(failing("SELECT", Errc::timeout));
  EXPECT_EQ(error_of([&] { return shop.read(); }).code, Errc::timeout);
  EXPECT_THAT(shop.primary().statements(), IsEmpty());
}

TEST(ExecutionReads, WhatTheServerSaysIsNotRetried) {
  const Shop shop;
  shop.replica().on_statement(failing("SELECT", Errc::invalid_argument));
  EXPECT_EQ(error_of([&] { return shop.read(); }).code, Errc::invalid_argument);
  EXPECT_THAT(shop.primary().statements(), IsEmpty());
}

TEST(ExecutionReads, ContextsTimeoutEndsAStatementThatHangs) {
  const Shop shop;
  shop.replica().answering.shut();
  const auto error =
      error_of([&] { return connected_to({.timeout = 10ms}, [&] { return shop.read(); }); });
  EXPECT_EQ(error.code, Errc::timeout);
}

TEST(ExecutionReads, ModelsLagThresholdComesBeforeTheDatabases) {
  Shop shop;
  shop.clock.advance(5s);
  shop.is("w", NodeKind::primary, 900);
  shop.registry->check_health_now();
  EXPECT_EQ(shop.read(), kFallback);
  EXPECT_EQ(shop.read(connects_to("shop").replica_lag_threshold(4s)), kFallback);
  EXPECT_EQ(shop.read(connects_to("shop").replica_lag_threshold(5s)), kReplica);
}

// -- Writes are tried again only when they certainly did not happen ---------------------------

TEST(ExecutionWrites, LostBeforeSendingIsRetriedOnANewConnection) {
  const Shop shop;
  shop.write();
  shop.primary().forget_statements();
  shop.primary().lose_connections();
  EXPECT_EQ(shop.write(), "shop/writer (write)");
  EXPECT_THAT(shop.primary().statements(), ElementsAre("WRITE"));
}

TEST(ExecutionWrites, UnknownOutcomeIsNeverRetried) {
  const Shop shop;
  shop.primary().on_statement(failing("WRITE", Errc::outcome_unknown, 1));
  EXPECT_THROW(shop.write(), OutcomeUnknown);
  EXPECT_THAT(shop.primary().statements(), ElementsAre("WRITE"));
}

TEST(ExecutionWrites, ConstraintIsNotRetried) {
  const Shop shop;
  shop.primary().on_statement(failing("WRITE", Errc::constraint, 1));
  EXPECT_THROW(shop.write(), ConstraintViolation);
  EXPECT_THAT(shop.primary().statements(), ElementsAre("WRITE"));
}

TEST(ExecutionWrites, ConflictIsNotRetried) {
  const Shop shop;
  shop.primary().on_statement(failing("WRITE", Errc::conflict, 1));
  EXPECT_THROW(shop.write(), Conflict);
  EXPECT_THAT(shop.primary().statements(), ElementsAre("WRITE"));
}

/// Refuses "WRITE" as unavailable and stays open, as a server does that has no more room.
class FullConnection final : public Connection {
 public:
  FullConnection(std::unique_ptr<Connection> inner, std::atomic<int>& refused)
      : inner_(std::move(inner)), refused_(refused) {}

  Task<std::unique_ptr<Result>> execute(io::Call call, Statement statement) override {
    if (statement.sql == "WRITE") {
      ++refused_;
      throw_error(Errc::unavailable, "the disk is full");
    }
    return inner_->execute(call, statement);
  }
  Task<void> begin(io::Call call, TransactionOptions options) override {
    return inner_->begin(call, options);
  }
  Task<void> commit(io::Call call) override { return inner_->commit(call); }
  Task<void> rollback(io::Call call) override { return inner_->rollback(call); }
  Task<Observation> probe(io::Call call) override { return inner_->probe(call); }
  [[nodiscard]] TransactionState transaction_state() const noexcept override {
    return inner_->transaction_state();
  }
  [[nodiscard]] bool is_open() const noexcept override { return inner_->is_open(); }
  [[nodiscard]] NodeKind kind_hint() const noexcept override { return inner_->kind_hint(); }

 private:
  const std::unique_ptr<Connection> inner_;
  std::atomic<int>& refused_;
};

class FullDriver final : public Driver {
 public:
  explicit FullDriver(const Driver& inner) : inner_(inner) {}

  [[nodiscard]] Adapter adapter() const noexcept override { return inner_.adapter(); }
  void validate(const Url& url) const override { inner_.validate(url); }
  Task<std::unique_ptr<Connection>> connect(io::Call call, ConnectOptions options) const override {
    auto inner = co_await inner_.connect(call, options);
    co_return std::make_unique<FullConnection>(std::move(inner), refused);
  }

  mutable std::atomic<int> refused = 0;

 private:
  const Driver& inner_;
};

TEST(ExecutionWrites, RefusedByAServerThatStaysIsNotSentAgain) {
  const test::Servers servers;
  const FullDriver full(servers.driver);
  Shop shop(1, attempts(3));
  register_driver(full);
  shop.registry = std::make_shared<Registry>(Databases{{"shop", test::spec("w")}}, shop.options());
  shop.session = Session(shop.registry);
  servers.is("w", NodeKind::primary);
  shop.registry->check_health_now();
  EXPECT_THROW(shop.write(), Unavailable);
  EXPECT_EQ(full.refused, 1);
  EXPECT_EQ(test::node_of(*shop.registry->cluster("shop"), 0).pool().stats().idle, 1U);
  shop.session = Session();
  shop.registry.reset();  // before its driver
}

TEST(ExecutionWrites, FollowThePrimaryWhenTheOldOneAnswersReadOnly) {
  const Shop shop(1, patience(60s));
  shop.write();
  shop.primary().on_statement(failing("WRITE", Errc::read_only));
  shop.is("w", NodeKind::replica, 100, 2);
  shop.is("r1", NodeKind::primary, 200, 2);
  EXPECT_EQ(shop.write(), "shop/reader-1 (write)");
  EXPECT_THAT(shop.replica().statements(), ElementsAre("WRITE"));
  EXPECT_TRUE(eventually([&] {
    return shop.registry->cluster("shop")->topology().table()->nodes[0].kind == NodeKind::replica;
  }));
}

TEST(ExecutionWrites, FollowThePrimaryWhenTheOldOneIsGone) {
  const Shop shop(1, patience(60s));
  shop.write();
  shop.primary().observe(std::nullopt);
  shop.primary().refuse_connects(Errc::unavailable);
  shop.primary().break_connections();
  shop.is("r1", NodeKind::primary, 200, 2);
  EXPECT_EQ(shop.write(), "shop/reader-1 (write)");
}

TEST(ExecutionWrites, AttemptsAreAsManyAsTheDatabaseSays) {
  for (const std::size_t count : {0U, 1U, 5U}) {
    const Shop shop(1, attempts(count));
    shop.primary().on_statement(failing("WRITE", Errc::unavailable));
    EXPECT_THROW(shop.write(), Unavailable);
    EXPECT_EQ(shop.primary().statements().size(), count + 1);
  }
}

TEST(ExecutionWrites, ModelsAttemptsComeBeforeTheDatabases) {
  for (const std::size_t count : {0U, 2U}) {
    const Shop shop(1, attempts(4));
    shop.primary().on_statement(failing("WRITE", Errc::unavailable));
    const auto model = connects_to("shop").failover_retry_attempts(count);
    EXPECT_THROW(shop.write(model), Unavailable);
    EXPECT_EQ(shop.primary().statements().size(), count + 1);
  }
}

// -- What failed itself is told as it is ------------------------------------------------------

TEST(ExecutionReads, FailureOfTheStatementOnTheOnlyNodeIsToldAtOnce) {
  for (const auto code : {Errc::conflict, Errc::unavailable}) {
    const Shop shop(0, patience(1h));
    shop.primary().on_statement(answering("SELECT", code));
    const auto error = error_of([&] { return shop.read(); });
    EXPECT_EQ(error.code, code);
    EXPECT_THAT(error.message, HasSubstr("it fails as told"));
  }
}

TEST(ExecutionReads, FailuresOnSeveralNodesAreAllTold) {
  const Shop shop(1, patience(1h));
  shop.primary().on_statement(answering("SELECT", Errc::conflict, "the primary says"));
  shop.replica().on_statement(answering("SELECT", Errc::conflict, "the replica says"));
  const auto error = error_of([&] { return shop.read(); });
  EXPECT_EQ(error.code, Errc::conflict);
  EXPECT_THAT(error.message, AllOf(HasSubstr("the primary says"), HasSubstr("the replica says")));
}

TEST(ExecutionReads, StatementThatBreaksItsConnectionsIsNotTriedOnNodeAfterNode) {
  auto patient = patience(1h);
  patient.failover_retry_attempts = 50;
  const Shop shop(5, patient);
  for (const std::string name : {"w", "r1", "r2", "r3", "r4", "r5"}) {
    shop.server(name).on_statement(failing("SELECT", Errc::unavailable));
  }
  const auto error = error_of([&] { return shop.read(); });
  EXPECT_EQ(error.code, Errc::unavailable);
  EXPECT_THAT(error.message, HasSubstr("it fails as told"));
  std::size_t sent = 0;
  for (const std::string name : {"w", "r1", "r2", "r3", "r4", "r5"}) {
    sent += shop.server(name).statements().size();
  }
  EXPECT_EQ(sent, 2U);
}

TEST(ExecutionReads, StatementThatBreaksItsConnectionsOnTheOnlyNodeIsToldAsThat) {
  const Shop shop(0, patience(1h));
  shop.primary().on_statement(failing("SELECT", Errc::unavailable));
  EXPECT_THAT(error_of([&] { return shop.read(); }).message, HasSubstr("it fails as told"));
  EXPECT_EQ(shop.primary().statements().size(), 2U);
}

TEST(ExecutionFailover, CancelledWaitForAPrimaryIsToldAsThat) {
  const Shop shop(0, patience(1h));
  take_down(shop, "w");
  io::PollLoop loop;
  std::optional<Errc> ended;
  loop.spawn([](const Shop& in, io::PollLoop& on, std::optional<Errc>& seen) -> Task<void> {
    detail::Access access;
    access.scope = in.session.run([] { return detail::Scope::here(); });
    access.connection = connects_to("shop");
    Statement statement;
    statement.sql = "WRITE";
    try {
      co_await detail::execute(access, statement, io::Call(on));
    } catch (const Error& error) {
      seen = error.code();
    }
  }(shop, loop, ended));
  loop.spawn([](io::PollLoop& on) -> Task<void> {
    on.cancel();
    co_return;
  }(loop));
  loop.run();
  EXPECT_EQ(ended, Errc::cancelled);
}

TEST(ExecutionFailover, WaitForAPrimaryBeginsWhenItIsFoundMissing) {
  // The write first spends more than failover_timeout on a node that does not answer.
  auto patient = patience(300ms);
  const Shop shop(1, patient);
  shop.primary().connecting.shut();
  std::thread writer([&] { EXPECT_EQ(shop.write(), "shop/reader-1 (write)"); });
  EXPECT_TRUE(eventually([&] { return shop.primary().connecting.held() > 0; }));
  const auto until = Clock::system().now() + 400ms;
  EXPECT_TRUE(eventually([&] { return Clock::system().now() > until; }));
  shop.primary().observe(std::nullopt);
  shop.primary().refuse_connects(Errc::unavailable);
  shop.primary().break_connections();
  shop.primary().connecting.open();
  EXPECT_TRUE(eventually(
      [&] { return !shop.registry->cluster("shop")->topology().table()->nodes[0].healthy; }));
  shop.is("r1", NodeKind::primary, 200, 2);
  shop.registry->check_health_now();
  writer.join();
}

TEST(ExecutionReads, ReadOnlyAnswerToAReadIsNotTriedElsewhere) {
  const Shop shop;
  shop.replica().on_statement(failing("SELECT", Errc::read_only));
  EXPECT_THROW(static_cast<void>(shop.read()), ReadOnlyError);
  EXPECT_THAT(shop.primary().statements(), IsEmpty());
}

// The probe that a failure asks for may end before the call that failed looks at the table again.
TEST(ExecutionFailover, ProbeThatEndsBeforeTheTableIsReadIsNotWaitedForAgain) {
  for (const bool writes : {true, false}) {
    test::Servers servers;
    servers.is("w", NodeKind::primary);
    auto shop = test::spec("w");
    shop.routing = patience(1h);
    std::shared_ptr<Registry> registry;
    std::atomic<bool> well = true;
    RegistryOptions options;
    options.events = [&](const Event& event) {
      // Emitted by the call that failed, once it has reported that.
      if (event.name != "node.unhealthy" || well.exchange(true)) return;
      registry->check_health_now();
    };
    registry = std::make_shared<Registry>(Databases{{"shop", shop}}, options);
    registry->check_health_now();
    const Session session(registry);
    well = false;
    servers.driver.server("w").break_connections();
    servers.driver.server("w").refuse_connects(Errc::unavailable, 1);
    session.run([&] {
      auto statement = sql("STATEMENT").on("shop");
      if (writes) return statement.run();
      return std::move(statement).read().run();
    });
    EXPECT_TRUE(well) << "the failure was not reported";
  }
}

// -- Waiting for a primary --------------------------------------------------------------------

TEST(ExecutionFailover, WriteWaitsForAPrimaryForTheFailoverTimeout) {
  const Shop shop(1, patience(20ms));
  take_down(shop, "w");
  const auto began = Clock::system().now();
  const auto error = error_of([&] { return shop.write(); });
  EXPECT_EQ(error.code, Errc::unavailable);
  EXPECT_GE(Clock::system().now() - began, 20ms);
  EXPECT_THAT(error.message,
              AllOf(HasSubstr("database \"shop\": no primary is known; nothing was executed"),
                    HasSubstr("shop/writer"), HasSubstr("\"shop/reader-1\": replica")));
}

TEST(ExecutionFailover, TimeoutOfZeroDoesNotWait) {
  const Shop shop(1, patience(0s));
  take_down(shop, "w");
  const auto began = Clock::system().now();
  EXPECT_THROW(shop.write(), Unavailable);
  EXPECT_LT(Clock::system().now() - began, 5s);
}

TEST(ExecutionFailover, WaitEndsAtTheCallersDeadline) {
  const Shop shop(1, patience(1h));
  take_down(shop, "w");
  const auto error =
      error_of([&] { return connected_to({.timeout = 10ms}, [&] { return shop.write(); }); });
  EXPECT_EQ(error.code, Errc::unavailable);
}

TEST(ExecutionFailover, WriteGoesOnAsSoonAsAPrimaryIsThere) {
  const Shop shop(1, patience(60s));
  take_down(shop, "w");
  std::thread writer([&] { EXPECT_EQ(shop.write(), "shop/reader-1 (write)"); });
  shop.is("r1", NodeKind::primary, 200, 2);
  shop.registry->check_health_now();
  writer.join();
}

TEST(ExecutionFailover, ReadsDoNotWaitWhileAReplicaIsFit) {
  const Shop shop(1, patience(1h));
  take_down(shop, "w");
  EXPECT_EQ(shop.read(), kReplica);
}

TEST(ExecutionFailover, StaleReplicaServesReadsWhereThatIsAllowed) {
  RoutingOptions routing;
  routing.allow_stale = true;
  routing.replica_lag_threshold = 1s;
  Shop shop(1, routing);
  shop.clock.advance(5s);
  shop.is("w", NodeKind::primary, 900);
  shop.registry->check_health_now();
  EXPECT_EQ(shop.read(), kFallback);
  take_down(shop, "w");
  EXPECT_EQ(shop.read(), "shop/reader-1 (stale replica)");
}

TEST(ExecutionFailover, ReadFailsAtOnceWhereThePrimaryIsNotWanted) {
  RoutingOptions routing;
  routing.on_no_replica = OnNoReplica::fail;
  routing.failover_timeout = 1h;
  const Shop shop(1, routing);
  take_down(shop, "r1");
  const auto error = error_of([&] { return shop.read(); });
  EXPECT_EQ(error.code, Errc::unavailable);
  EXPECT_THAT(error.message, HasSubstr("no replica is fit and the primary is not wanted"));
}

TEST(ExecutionFailover, RivalPrimariesGetNoWriteAndAreBothNamed) {
  // At once: no wait tells which of them is right.
  const Shop shop(1, patience(1h));
  shop.is("r1", NodeKind::primary);
  shop.registry->check_health_now();
  const auto error = error_of([&] { return shop.write(); });
  EXPECT_EQ(error.code, Errc::unavailable);
  EXPECT_THAT(error.message, AllOf(HasSubstr("several nodes claim to be the primary"),
                                   HasSubstr("\"shop/writer\": primary"),
                                   HasSubstr("\"shop/reader-1\": primary")));
  EXPECT_THAT(shop.primary().statements(), IsEmpty());
}

TEST(ExecutionFailover, MisconfiguredEverywhereFailsAtOnce) {
  const Shop shop(1, patience(1h));
  for (const auto* name : {"w", "r1"}) {
    shop.server(name).refuse_connects(Errc::configuration);
    shop.server(name).break_connections();
  }
  shop.registry->check_health_now();
  EXPECT_THROW(shop.write(), ConfigurationError);
  EXPECT_THROW(shop.read(), ConfigurationError);
}

TEST(ExecutionFailover, FirstStatementWaitsForTheFirstProbesWhateverTheTimeout) {
  for (const auto timeout : {60s, 0s}) {
    Shop shop;
    shop.server("late").connecting.shut();
    shop.is("late", NodeKind::primary);
    auto late = test::spec("late");
    late.routing.failover_timeout = timeout;
    shop.registry = std::make_shared<Registry>(Databases{{"shop", late}}, shop.options());
    shop.session = Session(shop.registry);
    std::thread reader([&] { EXPECT_EQ(shop.read(), "shop/writer (no reader is configured)"); });
    EXPECT_TRUE(eventually([&] { return shop.server("late").connecting.held() > 0; }));
    shop.server("late").connecting.open();
    reader.join();
  }
}

TEST(ExecutionFailover, TimeoutOfZeroWaitsUntilTheFirstProbeHasEnded) {
  Shop shop;
  shop.server("late").connecting.shut();
  auto late = test::spec("late");
  late.routing.failover_timeout = 0s;
  shop.registry = std::make_shared<Registry>(Databases{{"shop", late}}, shop.options());
  shop.session = Session(shop.registry);
  const auto began = Clock::system().now();
  connected_to({.timeout = 20ms}, [&] { EXPECT_THROW(shop.write(), Unavailable); });
  EXPECT_GE(Clock::system().now() - began, 20ms);
}

TEST(ExecutionFailover, FirstStatementFailsOnceTheFirstProbeHasWhereThereIsNoPatience) {
  Shop shop;
  shop.server("late").refuse_connects(Errc::unavailable);
  auto late = test::spec("late");
  late.routing.failover_timeout = 0s;
  shop.registry = std::make_shared<Registry>(Databases{{"shop", late}}, shop.options());
  shop.session = Session(shop.registry);
  EXPECT_THROW(shop.write(), Unavailable);
}

// -- Refusals ---------------------------------------------------------------------------------

TEST(WhilePreventingWrites, RefusesWritesBeforeTheyAreSent) {
  const Shop shop;
  const auto error =
      error_of([&] { return while_preventing_writes([&] { return shop.write(); }); });
  EXPECT_EQ(error.code, Errc::read_only);
  EXPECT_THAT(error.message,
              AllOf(HasSubstr("database \"shop\": writes are prevented"), HasSubstr(".read()")));
  EXPECT_THAT(shop.primary().statements(), IsEmpty());
}

TEST(WhilePreventingWrites, LetsReadsPass) {
  const Shop shop;
  EXPECT_EQ(while_preventing_writes([&] { return shop.read(); }), kReplica);
}

TEST(WhilePreventingWrites, RefusesTransactionsThatMayWrite) {
  const Shop shop;
  bool ran = false;
  const auto tries = [&](Effect effect) {
    TransactionSpec spec;
    spec.database = "shop";
    spec.effect = effect;
    while_preventing_writes([&] { transaction(spec, [&] { ran = true; }); });
  };
  EXPECT_THROW(shop.session.run([&] { tries(Effect::write); }), ReadOnlyError);
  EXPECT_FALSE(ran);
  shop.session.run([&] { tries(Effect::read); });
  EXPECT_TRUE(ran);
}

TEST(Execution, FullPoolIsNotASickNode) {
  Shop shop;
  auto small = test::spec("w");
  small.pool.max_size = 1;
  small.pool.checkout_timeout = 5ms;
  shop.start(small, {});
  const auto lease =
      run(test::node_of(*shop.registry->cluster("shop"), 0).pool().acquire(test::blocking()));
  EXPECT_THROW(shop.read(), PoolTimeout);
  EXPECT_TRUE(shop.registry->cluster("shop")->topology().table()->nodes[0].healthy);
}

TEST(Execution, OpeningThatAFullPoolLeftNoTimeForIsNotASickNode) {
  Shop shop;
  auto small = test::spec("w");
  small.pool.max_size = 1;
  small.pool.checkout_timeout = 200ms;
  shop.start(small, {});
  const auto cluster = shop.registry->cluster("shop");
  auto& pool = test::node_of(*cluster, 0).pool();
  auto lease = run(pool.acquire(test::blocking()));
  std::thread reader([&] { EXPECT_THROW(shop.read(), PoolTimeout); });
  EXPECT_TRUE(eventually([&] { return pool.stats().waiting == 1; }));
  shop.primary().connecting.shut();
  pool.drop_connections();
  lease = {};
  reader.join();
  EXPECT_TRUE(cluster->topology().table()->nodes[0].healthy);
  EXPECT_EQ(cluster->topology().known()[0].record.failures, 0U);
}

TEST(Execution, ReadsDoNotWaitForTheOneWriter) {
  Shop shop;
  shop.driver.share(Sharing::one_writer);
  auto small = test::spec("w");
  small.pool.checkout_timeout = 5ms;
  small.routing.sticky_period = 0ms;
  shop.start(small, {});
  auto& node = test::node_of(*shop.registry->cluster("shop"), 0);
  const auto writer = run(node.pool(Effect::write).acquire(test::blocking()));
  EXPECT_EQ(shop.read(), "shop/writer (no reader is configured)");
  EXPECT_THROW(shop.write(), PoolTimeout);
}

TEST(Execution, UnknownDatabaseIsNamedWithThoseThereAre) {
  const Shop shop;
  const auto error = error_of([&] { return shop.read(connects_to("shpo")); });
  EXPECT_EQ(error.code, Errc::invalid_argument);
  EXPECT_EQ(error.message, "no database \"shpo\"; there are: shop");
}

}  // namespace
}  // namespace grant
