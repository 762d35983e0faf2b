#include "grant/driver/sqlite/driver.hpp"

#include <utility>

#include "driver/failures.hpp"
#include "driver/sqlite/connection.hpp"
#include "driver/sqlite/offloaded.hpp"
#include "driver/sqlite/options.hpp"
#include "grant/io/worker.hpp"

extern "C" void grant_register_sqlite() {}

namespace grant::sqlite {
namespace {

class SqliteDriver final : public Driver {
 public:
  Adapter adapter() const noexcept override { return Adapter::sqlite; }

  void validate(const Url& url) const override {
    ConnectOptions target;
    target.url = url;
    static_cast<void>(parse_options(std::move(target)));
  }

  Sharing sharing(const ConnectOptions& target) const override {
    const auto options = parse_options(target);
    if (options.in_memory()) return Sharing::one_connection;
    return options.read_only ? Sharing::free : Sharing::one_writer;
  }

  Task<std::unique_ptr<grant::Connection>> connect(io::Call call,
                                                   ConnectOptions options) const override {
    auto node = options.node;
    auto parsed = parse_options(std::move(options));
    auto open = [parsed = std::move(parsed), node, deadline = call.deadline()] {
      return std::make_unique<OffloadedConnection>(
          std::make_unique<Connection>(parsed, node, deadline));
    };
    if (&call.waiter() == &io::blocking_waiter()) co_return open();
    const auto started = Clock::system().now();
    auto opened = co_await io::offload(call, std::move(open), watchers());
    if (opened.value) co_return std::move(*opened.value);
    throw_error(
        failures::gave_up_connecting(node, opened.outcome, Clock::system().now() - started));
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
