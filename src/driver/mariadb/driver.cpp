#include "grant/driver/mariadb/driver.hpp"

#include <fmt/format.h>
#include <openssl/crypto.h>
#include <signal.h>

#include <array>

#include "connection.hpp"
#include "driver/apart.hpp"
#include "driver/url_params.hpp"
#include "errors.hpp"
#include "grant/core/error.hpp"
#include "reading.hpp"

namespace grant::mariadb {
namespace {

constexpr unsigned int kPort = 3306;

constexpr std::array<std::pair<std::string_view, TlsMode>, 5> kTlsModes{
    {{"disabled", TlsMode::disabled},
     {"preferred", TlsMode::preferred},
     {"required", TlsMode::required},
     {"verify_ca", TlsMode::verify_ca},
     {"verify_full", TlsMode::verify_full}}};

void take_host(Settings& settings, const UrlParams& params, const Url& url) {
  if (url.host.starts_with('/')) {
    settings.host = "localhost";
    settings.socket = url.host;
    return;
  }
  // To libmariadb these separate hosts, or options.
  if (url.host.find_first_of(",;=") != std::string::npos) {
    params.refuse("a host name cannot hold \",\", \";\" or \"=\"");
  }
  settings.host = url.host.empty() ? "localhost" : url.host;
  settings.port = url.port != 0 ? url.port : kPort;
}

void take_tls(Settings& settings, UrlParams& params) {
  const auto mode = params.word<TlsMode>("ssl-mode", kTlsModes);
  settings.tls_authority = params.text("ssl-ca").value_or("");
  settings.tls_certificate = params.text("ssl-cert").value_or("");
  settings.tls_key = params.text("ssl-key").value_or("");
  settings.clear_password = params.clear_password();
  if (settings.tls_certificate.empty() != settings.tls_key.empty()) {
    params.refuse("\"ssl-cert\" and \"ssl-key\" go together");
  }
  if (mode) {
    settings.tls = *mode;
  } else if (!settings.tls_authority.empty()) {
    settings.tls = TlsMode::verify_full;
  } else if (!settings.tls_certificate.empty()) {
    params.refuse(
        "\"ssl-cert\" is given and \"ssl-mode\" is not: say verify_full, or required where nobody "
        "can stand between");
  } else if (!settings.socket.empty()) {
    settings.tls = TlsMode::disabled;
  }
  const bool has_files = !settings.tls_authority.empty() || !settings.tls_certificate.empty();
  if (settings.tls == TlsMode::disabled && has_files) {
    params.refuse("\"ssl-ca\" and \"ssl-cert\" are of no use without TLS: set \"ssl-mode\"");
  }
  if (settings.tls == TlsMode::verify_ca && settings.tls_authority.empty()) {
    params.refuse("\"ssl-mode\" is verify_ca, but there is no \"ssl-ca\"");
  }
}

Settings settings_from(const ConnectOptions& options) {
  Url url = options.url;
  Settings settings;
  settings.node = options.node;
  settings.user = url.user;
  settings.password = url.password;
  settings.database = url.database;
  UrlParams params("mariadb", url);
  take_host(settings, params, url);
  take_tls(settings, params);
  settings.statement_cache_size = params.statement_cache_size();
  settings.statement_lifetime = params.statement_lifetime();
  settings.connect_timeout = params.connect_timeout();
  settings.cancel_timeout = params.cancel_timeout();
  settings.max_result_size = params.max_result_size();
  params.refuse_unknown();
  return settings;
}

}  // namespace

std::shared_ptr<driver::Turns> Target::turns() const {
  const auto& server = settings.socket.empty() ? settings.host : settings.socket;
  return driver::Turns::at(fmt::format("mariadb://{}:{}", server, settings.port));
}

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

grant::detail::LibraryGate& gate() noexcept {
  static auto& instance = *new grant::detail::LibraryGate;
  return instance;
}

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
