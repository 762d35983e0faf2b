#include <chrono>
#include <cstddef>
#include <memory>

#include "bench/pool/load.hpp"
#include "bench/pool/peers.hpp"
#include "grant/pool/pool.hpp"

namespace grant::bench::pool {
namespace {

/// Answers everything at once.
class FakeConnection final : public Connection {
 public:
  Task<std::unique_ptr<Result>> execute(io::Call, Statement) override { co_return nullptr; }
  Task<void> begin(io::Call, TransactionOptions) override { co_return; }
  Task<void> commit(io::Call) override { co_return; }
  Task<void> rollback(io::Call) override { co_return; }
  Task<Observation> probe(io::Call) override { co_return Observation{}; }
  TransactionState transaction_state() const noexcept override { return TransactionState::none; }
  bool is_open() const noexcept override { return true; }
  NodeKind kind_hint() const noexcept override { return NodeKind::unknown; }
};

class FakeDriver final : public Driver {
 public:
  Adapter adapter() const noexcept override { return Adapter::sqlite; }
  void validate(const Url&) const override {}
  Task<std::unique_ptr<Connection>> connect(io::Call, ConnectOptions) const override {
    co_return std::make_unique<FakeConnection>();
  }
};

}  // namespace

Implementation lease(const Load& load) {
  return leasing("grant::Pool", load, [](std::size_t connections) {
    static const FakeDriver driver;
    const PoolOptions options{.max_size = connections,
                              .checkout_timeout = std::chrono::seconds(60),
                              .leak_threshold = std::chrono::seconds(60)};
    auto pool = std::make_shared<Pool>(options, driver, ConnectOptions{.node = "bench"},
                                       Clock::system(), EventSink{});
    // As sessions do it.
    return [pool](auto&& use) {
      const io::Call call(io::blocking_waiter());
      const auto lease = run(pool->acquire(call));
      use();
    };
  });
}

}  // namespace grant::bench::pool
