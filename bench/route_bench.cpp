// What Grant costs above the driver: the driver here answers at once, with nothing behind it.
#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "bench/harness.hpp"
#include "bench/pool/load.hpp"
#include "grant/grant.hpp"
#include "grant/session/execution.hpp"

namespace {

using namespace grant;
using namespace grant::bench;

constexpr std::string_view kFind = R"(SELECT "id", "email" FROM "users" WHERE "id" = $1)";

/// One row: the key that was asked for, and a text.
class NullResult final : public Result {
 public:
  explicit NullResult(std::int64_t id) noexcept : id_(id) {}

  [[nodiscard]] std::size_t row_count() const noexcept override { return 1; }
  [[nodiscard]] std::size_t column_count() const noexcept override { return 2; }
  [[nodiscard]] std::string_view column_name(std::size_t column) const noexcept override {
    return column == 0 ? "id" : "email";
  }
  [[nodiscard]] ValueView cell(std::size_t /*row*/, std::size_t column) const override {
    return column == 0 ? ValueView::integer(id_) : ValueView::text("a@b.example");
  }
  [[nodiscard]] std::uint64_t affected_rows() const noexcept override { return 0; }

 private:
  const std::int64_t id_;
};

class NullConnection final : public Connection {
 public:
  explicit NullConnection(NodeKind kind) noexcept : kind_(kind) {}

  Task<std::unique_ptr<Result>> execute(io::Call /*call*/, Statement statement) override {
    const auto id = statement.params.empty() ? 0 : statement.params[0].as_integer();
    return std::unique_ptr<Result>(std::make_unique<NullResult>(id));
  }
  Task<void> begin(io::Call /*call*/, TransactionOptions /*options*/) override { return Done(); }
  Task<void> commit(io::Call /*call*/) override { return Done(); }
  Task<void> rollback(io::Call /*call*/) override { return Done(); }
  Task<Observation> probe(io::Call /*call*/) override {
    Observation seen;
    seen.kind = kind_;
    seen.epoch = {"bench", 1};
    seen.position = Position{seen.epoch, Lsn{1}};
    return seen;
  }
  [[nodiscard]] TransactionState transaction_state() const noexcept override {
    return TransactionState::none;
  }
  [[nodiscard]] bool is_open() const noexcept override { return true; }
  [[nodiscard]] NodeKind kind_hint() const noexcept override { return kind_; }

 private:
  const NodeKind kind_;
};

class NullDriver final : public Driver {
 public:
  [[nodiscard]] Adapter adapter() const noexcept override { return Adapter::postgres; }
  void validate(const Url& /*url*/) const override {}
  Task<std::unique_ptr<Connection>> connect(io::Call /*call*/,
                                            ConnectOptions options) const override {
    const auto kind = options.url.host == "primary" ? NodeKind::primary : NodeKind::replica;
    return std::unique_ptr<Connection>(std::make_unique<NullConnection>(kind));
  }
};

struct User : Model<User> {
  std::int64_t id{};
  std::string email{};

  static constexpr auto table =
      grant::table<User>("users", column<&User::id>.primary_key(), column<&User::email>);
};

/// A primary and two replicas, all well.
std::shared_ptr<Registry> cluster() {
  static const NullDriver driver;
  register_driver(driver);
  ConnectionSpec spec;
  spec.writer = "postgres://primary/db";
  spec.readers = {"postgres://r1/db", "postgres://r2/db"};
  spec.pool.initial_size = 0;
  auto registry = std::make_shared<Registry>(Databases{{"primary", spec}});
  registry->check_health_now();
  return registry;
}

/// `operation(n)` on each thread, as often as the round says altogether.
template <class Operation>
Run on_threads(std::size_t threads, Operation operation) {
  return [threads, operation](Round& round) {
    run_threads(threads, round,
                [&](std::size_t /*thread*/) { operation(round.iterations / threads); });
  };
}

Run set_up_driver(std::size_t threads) {
  return on_threads(threads, [](std::size_t count) {
    NullConnection connection(NodeKind::primary);
    const io::Call call(io::blocking_waiter());
    for (std::size_t n = 0; n < count; ++n) {
      const std::array params{ValueView::integer(static_cast<std::int64_t>(n))};
      const auto result = run(connection.execute(call, {.sql = kFind, .params = params}));
      User user;
      user.id = result->cell(0, 0).as_integer();
      user.email = std::string(result->cell(0, 1).as_characters());
      keep(user);
    }
  });
}

/// Routing, and a connection taken and given back: a statement that brings nothing.
Run set_up_route(std::size_t threads) {
  const auto registry = cluster();
  return on_threads(threads, [registry](std::size_t count) {
    Session(registry).run([count] {
      Statement statement;
      statement.sql = kFind;
      statement.effect = Effect::read;
      detail::Access access;
      access.scope = detail::Scope::here();
      for (std::size_t n = 0; n < count; ++n) keep(detail::execute(access, statement));
    });
  });
}

Run set_up_find(std::size_t threads) {
  const auto registry = cluster();
  return on_threads(threads, [registry](std::size_t count) {
    Session(registry).run([count] {
      for (std::size_t n = 0; n < count; ++n) {
        keep(User::find(static_cast<std::int64_t>(n)));
      }
    });
  });
}

Case on(std::size_t threads) {
  Case measured;
  measured.name = std::to_string(threads) + (threads == 1 ? " thread" : " threads");
  measured.cpu = Cpu::process;
  measured.implementations = {
      {"the driver alone", [threads] { return set_up_driver(threads); }},
      {"route, lease, execute", [threads] { return set_up_route(threads); }},
      {"grant::Model::find", [threads] { return set_up_find(threads); }}};
  return measured;
}

}  // namespace

int main(int argc, char** argv) { return run_bench(argc, argv, "route", {on(1), on(2), on(8)}); }
