#include "grant/driver/mariadb/driver.hpp"

#include <fmt/format.h>

#include <array>
#include <charconv>

#include "connection.hpp"
#include "grant/core/error.hpp"

namespace grant::mariadb {
namespace {

constexpr std::size_t kStatementCacheSize = 256;
constexpr std::size_t kMostStatements = 10'000;
constexpr unsigned int kPort = 3306;

[[noreturn]] void refuse(std::string_view why) {
  throw_error(Errc::configuration, fmt::format("mariadb URL: {}", why));
}

template <class T>
T number_param(std::string_view name, std::string_view text, T most) {
  T number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || number > most || number < 0) {
    refuse(fmt::format("\"{}\" is not a number from 0 to {}", name, most));
  }
  return number;
}

TlsMode tls_mode_named(std::string_view name) {
  constexpr std::array<std::pair<std::string_view, TlsMode>, 5> modes{
      {{"disabled", TlsMode::disabled},
       {"preferred", TlsMode::preferred},
       {"required", TlsMode::required},
       {"verify_ca", TlsMode::verify_ca},
       {"verify_full", TlsMode::verify_full}}};
  for (const auto& [known, mode] : modes) {
    if (name == known) return mode;
  }
  refuse("\"ssl-mode\" is none of disabled, preferred, required, verify_ca and verify_full");
}

void take_host(Settings& settings, const Url& url) {
  if (url.host.starts_with('/')) {
    settings.host = "localhost";
    settings.socket = url.host;
    return;
  }
  // To libmariadb these separate hosts, or options.
  if (url.host.find_first_of(",;=") != std::string::npos) {
    refuse("a host name cannot hold \",\", \";\" or \"=\"");
  }
  settings.host = url.host.empty() ? "localhost" : url.host;
  settings.port = url.port != 0 ? url.port : kPort;
}

void take_tls(Settings& settings, Url& url) {
  const auto mode = url.take_param("ssl-mode");
  settings.tls_authority = url.take_param("ssl-ca").value_or("");
  settings.tls_certificate = url.take_param("ssl-cert").value_or("");
  settings.tls_key = url.take_param("ssl-key").value_or("");
  if (mode) {
    settings.tls = tls_mode_named(*mode);
  } else if (!settings.socket.empty()) {
    settings.tls = TlsMode::disabled;
  }
  if (settings.tls_certificate.empty() != settings.tls_key.empty()) {
    refuse("\"ssl-cert\" and \"ssl-key\" go together");
  }
  const bool has_files = !settings.tls_authority.empty() || !settings.tls_certificate.empty();
  if (settings.tls == TlsMode::disabled && has_files) {
    refuse("\"ssl-ca\" and \"ssl-cert\" are of no use without TLS: set \"ssl-mode\"");
  }
  if (settings.tls == TlsMode::verify_ca && settings.tls_authority.empty()) {
    refuse("\"ssl-mode\" is verify_ca, but there is no \"ssl-ca\"");
  }
}

Settings settings_from(const ConnectOptions& options) {
  Url url = options.url;
  Settings settings;
  settings.node = options.node;
  settings.user = url.user;
  settings.password = url.password;
  settings.database = url.database;
  settings.statement_cache_size = kStatementCacheSize;
  take_host(settings, url);
  take_tls(settings, url);
  if (const auto text = url.take_param("statement_cache_size")) {
    settings.statement_cache_size = number_param("statement_cache_size", *text, kMostStatements);
  }
  if (const auto text = url.take_param("connect_timeout")) {
    const int seconds = number_param("connect_timeout", *text, 86'400);
    if (seconds > 0) settings.connect_timeout = std::chrono::seconds(seconds);
  }
  if (!url.params.empty()) refuse(fmt::format("unknown parameter \"{}\"", url.params[0].first));
  return settings;
}

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
    const Settings settings = settings_from(options);
    auto connection = std::make_unique<MariadbConnection>(settings);
    co_await connection->open(call, settings, resolver_);
    co_return connection;
  }

 private:
  const io::Resolver resolver_;
};

struct Registration {
  Registration() {
    // Sets up libmariadb once, before there are threads, and OpenSSL with it, which takes itself
    // down in an exit handler. That handler is now older than every registry, so that connections
    // that are still there when the program ends are closed before it runs.
    mysql_library_init(0, nullptr, nullptr);
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
