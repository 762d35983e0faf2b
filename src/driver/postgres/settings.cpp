#include <fmt/format.h>
#include <libpq-fe.h>

#include <algorithm>
#include <array>
#include <memory>
#include <new>
#include <string_view>

#include "grant/core/error.hpp"
#include "grant/io/resolver.hpp"
#include "settings.hpp"

namespace grant::postgres {
namespace {

/// Whether the server keeps what was prepared.
constexpr std::array<std::pair<std::string_view, bool>, 2> kPrepare{
    {{"session", true}, {"never", false}}};

void check_keyword(const UrlParams& params, const Settings& settings, std::string_view name) {
  // Fixed for every session: the codec counts on UTF-8, and replication is another protocol.
  if (name == "client_encoding" || name == "replication") {
    params.refuse(fmt::format("the parameter \"{}\" cannot be set", name));
  }
  const auto& known = keywords();
  if (std::ranges::find(known, name) == known.end()) {
    params.refuse_unknown(name, std::vector<std::string_view>(known.begin(), known.end()));
  }
  if (std::ranges::any_of(settings.keywords, [&](const auto& set) { return set.first == name; })) {
    params.refuse(
        fmt::format("\"{}\" is given twice: as a part of the URL and as a parameter", name));
  }
}

/// What has to be looked up before libpq is called, which would block.
std::string host_name(const UrlParams& params, const Settings& settings) {
  const auto value = [&](std::string_view keyword) {
    const auto set =
        std::ranges::find(settings.keywords, keyword, &std::pair<std::string, std::string>::first);
    return set == settings.keywords.end() ? std::string() : set->second;
  };
  const auto host = value("host");
  const auto address = value("hostaddr");
  if (host.find(',') != std::string::npos || address.find(',') != std::string::npos) {
    params.refuse("it names several hosts: give each a node of its own");
  }
  // A unix socket's directory, or its abstract name.
  const bool is_socket = host.starts_with('/') || host.starts_with('@');
  return !address.empty() || is_socket || io::is_address(host) ? std::string() : host;
}

/// The server cuts longer names short, and opens another database than the one asked for.
void refuse_cut_short(std::string_view what, std::string_view name) {
  constexpr std::size_t most = 63;
  if (name.size() <= most) return;
  throw_error(
      Errc::configuration,
      fmt::format("the {} name \"{}\" has {} bytes: PostgreSQL's names have no more than {}", what,
                  name, name.size(), most));
}

/// Without a word on TLS libpq tries it, and goes on without; but who gives an authority, or a
/// certificate of his own, wants it.
void choose_tls(const UrlParams& params, Settings& settings) {
  const auto is_set = [&](std::string_view keyword) {
    return std::ranges::any_of(settings.keywords,
                               [&](const auto& each) { return each.first == keyword; });
  };
  if (is_set("sslmode")) return;
  if (is_set("sslrootcert")) {
    settings.keywords.emplace_back("sslmode", "verify-full");
  } else if (is_set("sslcert")) {
    params.refuse(
        "\"sslcert\" is given and \"sslmode\" is not: say verify-full, or require where nobody can "
        "stand between");
  }
}

/// Who verifies a server trusts it with more. libpq before 16 cannot be told.
void choose_authentication(Settings& settings) {
  constexpr int since = 160000;
  const auto value = [&](std::string_view keyword) {
    const auto set =
        std::ranges::find(settings.keywords, keyword, &std::pair<std::string, std::string>::first);
    return set == settings.keywords.end() ? std::string() : set->second;
  };
  if (PQlibVersion() < since || !value("require_auth").empty()) return;
  const auto mode = value("sslmode");
  const bool verifies = mode == "verify-full" || mode == "verify-ca";
  const bool trusts = settings.clear_password == ClearPassword::always || verifies ||
                      (mode == "require" && settings.clear_password == ClearPassword::encrypted);
  if (!trusts) settings.keywords.emplace_back("require_auth", "!password");
}

}  // namespace

const std::vector<std::string>& keywords() {
  static const auto names = [] {
    struct Free {
      void operator()(PQconninfoOption* options) const noexcept { PQconninfoFree(options); }
    };
    const std::unique_ptr<PQconninfoOption, Free> options(PQconndefaults());
    if (!options) throw std::bad_alloc();
    std::vector<std::string> all;
    for (const auto* option = options.get(); option->keyword != nullptr; ++option) {
      all.emplace_back(option->keyword);
    }
    return all;
  }();
  return names;
}

Settings settings_from(const ConnectOptions& options) {
  Url url = options.url;
  Settings settings;
  settings.node = options.node;
  UrlParams params("postgres", url);
  settings.statement_cache_size = params.statement_cache_size();
  settings.statement_lifetime = params.statement_lifetime();
  settings.keeps_statements = params.word<bool>("prepare", kPrepare).value_or(true);
  settings.connect_timeout = params.connect_timeout();
  settings.cancel_timeout = params.cancel_timeout();
  settings.max_result_size = params.max_result_size();
  settings.clear_password = params.clear_password();

  const auto set = [&](std::string_view name, std::string value) {
    if (!value.empty()) settings.keywords.emplace_back(name, std::move(value));
  };
  set("host", url.host);
  if (url.port != 0) set("port", std::to_string(url.port));
  set("user", url.user);
  set("password", url.password);
  set("dbname", url.database);
  refuse_cut_short("database", url.database);
  refuse_cut_short("user", url.user);
  for (auto& [name, value] : url.params) {
    check_keyword(params, settings, name);
    set(name, std::move(value));
  }
  choose_tls(params, settings);
  choose_authentication(settings);
  settings.host_name = host_name(params, settings);
  set("client_encoding", "UTF8");
  set("fallback_application_name", "grant");
  return settings;
}

}  // namespace grant::postgres
