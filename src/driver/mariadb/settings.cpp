#include <fmt/format.h>

#include <array>
#include <string_view>
#include <utility>

#include "settings.hpp"

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

}  // namespace

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

std::shared_ptr<driver::Turns> Target::turns() const {
  const auto& server = settings.socket.empty() ? settings.host : settings.socket;
  return driver::Turns::at(fmt::format("mariadb://{}:{}", server, settings.port));
}
}  // namespace grant::mariadb
