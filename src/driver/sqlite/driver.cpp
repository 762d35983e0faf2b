#include "grant/driver/sqlite/driver.hpp"

#include <utility>

#include "connection.hpp"
#include "driver/failures.hpp"
#include "driver/stopwatch.hpp"
#include "grant/io/worker.hpp"
#include "offloaded.hpp"
#include "settings.hpp"

extern "C" void grant_register_sqlite() {}

namespace grant::sqlite {
namespace {

class SqliteDriver final : public Driver {
 public:
  Adapter adapter() const noexcept override { return Adapter::sqlite; }

  void validate(const Url& url) const override {
    ConnectOptions target;
    target.url = url;
    static_cast<void>(settings_from(std::move(target)));
  }

  Sharing sharing(const ConnectOptions& target) const override {
    const auto options = settings_from(target);
    if (options.in_memory()) return Sharing::one_connection;
    return options.read_only ? Sharing::free : Sharing::one_writer;
  }

  Task<std::unique_ptr<grant::Connection>> connect(io::Call call,
                                                   ConnectOptions options) const override {
    auto node = options.node;
    auto parsed = settings_from(std::move(options));
    auto open = [parsed = std::move(parsed), node](io::Call blocking) {
      return std::make_unique<OffloadedConnection>(
          std::make_unique<SqliteConnection>(blocking, parsed, node));
    };
    if (call.waiter().blocks()) co_return open(call);
    const driver::Stopwatch watch(call);
    auto on_worker = [open = std::move(open), deadline = call.deadline()] {
      return open(io::Call(io::blocking_waiter(), deadline));
    };
    auto opened = co_await io::offload(call, std::move(on_worker), watchers());
    if (opened.value) co_return std::move(*opened.value);
    throw_error(failures::gave_up_connecting(node, opened.outcome, watch.elapsed()));
  }
};

const struct Registration {
  Registration() {
    static_cast<void>(gate());  // before there are threads that could fork
    register_driver(driver());
  }
} registration;

}  // namespace

const Driver& driver() noexcept {
  // Never destroyed: connections may be closed while the process ends.
  static const auto& instance = *new SqliteDriver;
  return instance;
}

}  // namespace grant::sqlite
