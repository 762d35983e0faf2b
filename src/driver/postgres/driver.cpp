#include "grant/driver/postgres/driver.hpp"

#include <fmt/format.h>
#include <openssl/crypto.h>

#include "connection.hpp"
#include "driver/apart.hpp"
#include "errors.hpp"

namespace grant::postgres {
namespace {

class PostgresDriver final : public Driver {
 public:
  explicit PostgresDriver(io::Resolver resolver) : resolver_(std::move(resolver)) {}

  [[nodiscard]] Adapter adapter() const noexcept override { return Adapter::postgres; }

  void validate(const Url& url) const override {
    ConnectOptions options;
    options.url = url;
    static_cast<void>(settings_from(options));
  }

  Task<std::unique_ptr<Connection>> connect(io::Call call, ConnectOptions options) const override {
    const auto settings = std::make_shared<const Settings>(settings_from(options));
    const auto turns =
        driver::Turns::at(fmt::format("postgres://{}:{}", options.url.host, options.url.port));
    driver::Connecting connecting = [settings, turns, resolver = resolver_](
                                        io::Call share) -> Task<std::unique_ptr<Connection>> {
      auto connection = std::make_unique<PostgresConnection>(*settings);
      co_await connection->open(share, *settings, resolver, *turns);
      co_return connection;
    };
    co_return co_await driver::connect_apart(call, settings->connect_timeout, settings->node, turns,
                                             std::move(connecting));
  }

  [[nodiscard]] bool says_full(const ErrorInfo& failure) const noexcept override {
    return is_full(failure);
  }

 private:
  const io::Resolver resolver_;
};

struct Registration {
  Registration() {
    static_cast<void>(gate());  // before there are threads that could fork
    // OpenSSL would take itself down while the program ends, when connections are still there, and
    // threads that were given up in the middle of a login.
    OPENSSL_init_crypto(OPENSSL_INIT_NO_ATEXIT, nullptr);
    static_cast<void>(keywords());
    register_driver(driver());
  }
};
const Registration registration;

}  // namespace

const Driver& driver() noexcept {
  // Never destroyed: connections may be closed while the process ends.
  static const auto& instance = *new PostgresDriver(io::Resolver{});
  return instance;
}

std::unique_ptr<Driver> make_driver(io::Resolver resolver) {
  return std::make_unique<PostgresDriver>(std::move(resolver));
}

}  // namespace grant::postgres

// Named on the linker's command line, so that a program keeps this file without using it by name.
extern "C" void grant_register_postgres() {}
