#include "grant/driver/mariadb/driver.hpp"

#include <openssl/crypto.h>
#include <signal.h>

#include "connection.hpp"
#include "driver/apart.hpp"
#include "errors.hpp"
#include "reading.hpp"

namespace grant::mariadb {
namespace {

class MariadbDriver final : public Driver {
 public:
  explicit MariadbDriver(io::Resolver resolver) : resolver_(std::move(resolver)) {}

  [[nodiscard]] Adapter adapter() const noexcept override { return Adapter::mariadb; }

  void validate(const Url& url) const override {
    ConnectOptions options;
    options.url = url;
    static_cast<void>(settings_from(options));
  }

  Task<std::unique_ptr<Connection>> connect(io::Call call, ConnectOptions options) const override {
    const auto target = std::make_shared<const Target>(Target{settings_from(options), resolver_});
    const auto& settings = target->settings;
    const auto turns = target->turns();
    driver::Connecting connecting = [target,
                                     turns](io::Call share) -> Task<std::unique_ptr<Connection>> {
      auto connection = std::make_unique<MariadbConnection>(target);
      co_await connection->open(share, *turns);
      co_await connection->make_session(share);
      co_return connection;
    };
    co_return co_await driver::connect_apart(call, settings.connect_timeout, settings.node, turns,
                                             std::move(connecting));
  }

  [[nodiscard]] bool says_full(const ErrorInfo& failure) const noexcept override {
    return is_full(failure);
  }

  [[nodiscard]] bool blames_transaction(const ErrorInfo& refusal) const noexcept override {
    return refusal.native == kReadOnlyTransaction;
  }

 private:
  const io::Resolver resolver_;
};

struct Registration {
  Registration() {
    // OpenSSL would take itself down while the program ends, when connections are still there, and
    // threads that were given up in the middle of a login.
    OPENSSL_init_crypto(OPENSSL_INIT_NO_ATEXIT, nullptr);
    // Sets up libmariadb once, before there are threads.
    // It has SIGPIPE ignored in the whole process, which is not its own, nor Grant's.
    struct sigaction before {};
    ::sigaction(SIGPIPE, nullptr, &before);
    mysql_library_init(0, nullptr, nullptr);
    ::sigaction(SIGPIPE, &before, nullptr);
    Reading::watch();
    static_cast<void>(gate());
    register_driver(driver());
  }
};
const Registration registration;

}  // namespace

const Driver& driver() noexcept {
  // Never destroyed: connections may be closed while the process ends.
  static const auto& instance = *new MariadbDriver(io::Resolver{});
  return instance;
}

std::unique_ptr<Driver> make_driver(io::Resolver resolver) {
  return std::make_unique<MariadbDriver>(std::move(resolver));
}

}  // namespace grant::mariadb

// Named on the linker's command line, so that a program keeps this file without using it by name.
extern "C" void grant_register_mariadb() {}
