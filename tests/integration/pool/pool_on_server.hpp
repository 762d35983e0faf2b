#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include "grant/core/error.hpp"
#include "grant/driver/driver.hpp"
#include "grant/io/poll_loop.hpp"
#include "grant/pool/pool.hpp"
#include "support/error_of.hpp"
#include "support/eventually.hpp"
#include "support/server_cluster.hpp"

namespace grant::test {

using namespace std::chrono_literals;

/// What the tests want of an engine: `{}` stands for a user or the id of a session.
struct Engine {
  const char* name;
  const Driver& (*driver)();
  ServerCluster& (*cluster)();
  const char* make_overseer;
  const char* make_user;
  const char* id;             ///< Of the session that asks.
  const char* sessions;       ///< The ids of {}'s.
  const char* end;            ///< The session {}.
  const char* end_when_idle;  ///< For {0} seconds, the sessions that {1} begins later.
  const char* sleep;          ///< Five minutes.
  const char* sleepers;       ///< How many of {}'s sessions do that.
};

inline std::ostream& operator<<(std::ostream& out, const Engine& engine) {
  return out << engine.name;
}

/// Those that are built.
[[nodiscard]] const std::vector<Engine>& engines();

/// Null: it is not built.
[[nodiscard]] const Engine* find_engine(std::string_view name);

using SessionId = std::int64_t;

/// The blocking call that most tests make.
[[nodiscard]] io::Call patient();

/// Counts how often somebody tries to connect.
class CountingDriver final : public Driver {
 public:
  explicit CountingDriver(const Driver& driver) : driver_(driver) {}

  [[nodiscard]] Adapter adapter() const noexcept override { return driver_.adapter(); }
  void validate(const Url& url) const override { driver_.validate(url); }
  Task<std::unique_ptr<Connection>> connect(io::Call call, ConnectOptions options) const override {
    ++attempts_;
    return driver_.connect(call, std::move(options));
  }

  [[nodiscard]] std::uint64_t attempts() const noexcept { return attempts_; }

 private:
  const Driver& driver_;
  mutable std::atomic<std::uint64_t> attempts_ = 0;
};

/// A server, a user who exists for one test, and the empty table "pooled" with the column "id", a
/// primary key.
class PoolOnServer : public ::testing::Test {
 protected:
  explicit PoolOnServer(const Engine& engine) : engine_(engine), driver_(engine.driver()) {}

  void SetUp() override;
  void TearDown() override;

  /// Patient, and nothing happens to a connection unless a test says so.
  [[nodiscard]] static PoolOptions options(std::size_t max_size);

  [[nodiscard]] std::unique_ptr<Pool> pool(const PoolOptions& options,
                                           const Clock& clock = Clock::system()) const;

  [[nodiscard]] ConnectOptions target() const { return target(user_, "pool-secret"); }
  [[nodiscard]] ConnectOptions target(const std::string& user, const std::string& password) const;
  [[nodiscard]] std::unique_ptr<Connection> connect(const ConnectOptions& target) const;

  [[nodiscard]] SessionId id_of(Connection& connection) const;
  [[nodiscard]] SessionId id_of(const Lease& lease) const { return id_of(*lease); }

  /// Those of the test's user, as the server knows them, sorted.
  [[nodiscard]] std::vector<SessionId> sessions() const;
  [[nodiscard]] bool has(SessionId session) const;

  [[nodiscard]] std::int64_t sleepers() const;

  /// Ends a session and waits until the server has none with this id.
  void end(SessionId session) const;

  /// Sessions that the test's user begins later are ended by the server when idle for `limit`.
  void end_new_sessions_when_idle_for(std::chrono::seconds limit) const;

  /// Of the table "pooled", as others see it.
  [[nodiscard]] std::int64_t rows() const;

  /// By an administrator.
  std::unique_ptr<Result> oversee(const std::string& sql) const;

  const Engine& engine_;
  const CountingDriver driver_;
  std::string user_;
  std::unique_ptr<Connection> overseer_;
};

std::unique_ptr<Result> exec(Connection& connection, const std::string& sql,
                             Effect effect = Effect::write);

/// The single number that `sql` gives.
[[nodiscard]] std::int64_t number(Connection& connection, const std::string& sql);

/// A test that runs on each engine.
class PoolOnEngine : public PoolOnServer, public ::testing::WithParamInterface<Engine> {
 protected:
  PoolOnEngine() : PoolOnServer(GetParam()) {}
};

[[nodiscard]] inline std::string name_of(const ::testing::TestParamInfo<Engine>& info) {
  return info.param.name;
}

}  // namespace grant::test
