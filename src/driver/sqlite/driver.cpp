#include "grant/driver/sqlite/driver.hpp"

#include <utility>

#include "driver/sqlite/connection.hpp"
#include "driver/sqlite/options.hpp"

extern "C" void grant_register_sqlite() {}

namespace grant::sqlite {
namespace {

class SqliteDriver final : public Driver {
 public:
  Adapter adapter() const noexcept override { return Adapter::sqlite; }

  void validate(const Url& url) const override {
    static_cast<void>(parse_options(url, Effect::write));
  }

  Task<std::unique_ptr<grant::Connection>> connect(io::Call call,
                                                   ConnectOptions options) const override {
    auto parsed = parse_options(std::move(options.url), options.access);
    co_return std::make_unique<Connection>(std::move(parsed), std::move(options.node),
                                           call.deadline());
  }
};

const struct Registration {
  Registration() { register_driver(driver()); }
} registration;

}  // namespace

const Driver& driver() noexcept {
  // Never destroyed: connections may be closed while the process ends.
  static const auto& instance = *new SqliteDriver;
  return instance;
}

}  // namespace grant::sqlite
