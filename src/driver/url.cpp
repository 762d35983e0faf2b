#include "grant/driver/url.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "core/nearest.hpp"
#include "grant/core/error.hpp"

namespace grant {
namespace {

// Messages name the part and never quote text that could hold a password.
[[noreturn]] void refuse(std::string_view what) {
  throw_error(Errc::configuration, fmt::format("malformed database URL: {}", what));
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::string decoded(std::string_view text, std::string_view part) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    const int high = i + 2 < text.size() ? hex_digit(text[i + 1]) : -1;
    const int low = i + 2 < text.size() ? hex_digit(text[i + 2]) : -1;
    if (high < 0 || low < 0) refuse(fmt::format("\"%\" without two hex digits in the {}", part));
    out += static_cast<char>(high * 16 + low);
    i += 2;
  }
  if (out.find('\0') != std::string::npos) refuse(fmt::format("a NUL character in the {}", part));
  return out;
}

bool is_letter_or_digit(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

std::string encoded(std::string_view text, std::string_view also_plain) {
  std::string out;
  for (const char c : text) {
    const bool plain = is_letter_or_digit(c) ||
                       std::string_view("-._~").find(c) != std::string_view::npos ||
                       also_plain.find(c) != std::string_view::npos;
    out += plain ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return out;
}

/// True for parameters that no log may show.
bool is_secret(std::string_view param) {
  const auto name = in_lower_case(param);
  if (name == "clear_password") return false;
  return std::ranges::any_of(
      std::array{"password", "passwd", "pwd", "passphrase", "secret", "token"},
      [&](const char* word) { return name.find(word) != std::string::npos; });
}

/// libpq's parameters that say where the server is.
constexpr std::array<std::string_view, 6> kPlaces{"host",   "hostaddr", "port",
                                                  "dbname", "service",  "servicefile"};

/// Cuts `text` at the first `mark`: gives what is before it and leaves what is after; everything,
/// and an empty rest, when there is none.
std::string_view cut(std::string_view& text, char mark) {
  const auto at = text.find(mark);
  const auto head = text.substr(0, at);
  text = at == std::string_view::npos ? std::string_view{} : text.substr(at + 1);
  return head;
}

std::string_view name_of_control(char c) {
  switch (c) {
    case '\0': return "NUL character";
    case '\t': return "tab";
    case '\n': return "newline";
    case '\r': return "carriage return";
    default: return "control character";
  }
}

/// Characters that a file, a shell or a copy left there: they would become a part of a name, and
/// the name would be blamed.
void check_characters(std::string_view text) {
  if (text.starts_with("\xEF\xBB\xBF")) refuse("it starts with a byte order mark");
  if (text.starts_with(' ')) refuse("it starts with a space");
  if (text.ends_with(' ')) refuse("it ends with a space");
  if (text.starts_with('"') || text.starts_with('\'')) refuse("it starts with a quotation mark");
  const auto is_control = [](char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == '\x7F';
  };
  const auto* const found = std::ranges::find_if(text, is_control);
  if (found == text.end()) return;
  const auto at = static_cast<std::size_t>(found - text.begin());
  const bool at_end = text.substr(at).find_first_not_of(" \t\r\n") == std::string_view::npos;
  const auto where = at == 0  ? std::string("starts with")
                     : at_end ? std::string("ends with")
                              : fmt::format("has, as its character {},", at + 1);
  refuse(fmt::format("it {} a {}: write %{:02X} where that is meant", where,
                     name_of_control(*found), static_cast<unsigned char>(*found)));
}

/// What stands before the first colon.
Adapter parse_scheme(std::string_view scheme) {
  // Another library's name for its driver: mysql+pymysql. What is behind the plus is not quoted.
  auto driver = scheme;
  const auto engine = cut(driver, '+');
  if (!driver.empty() && std::ranges::all_of(engine, is_letter_or_digit)) {
    const auto adapter = adapter_named(engine);
    refuse(fmt::format("the scheme names a driver of another library after a \"+\": write \"{}:\"",
                       grant::to_string(adapter)));
  }
  // Whatever else stands there, such as half of a password, is not to be quoted.
  if (!std::ranges::all_of(scheme, is_letter_or_digit)) {
    refuse("the scheme before the first \":\" is none of postgres, mariadb and sqlite");
  }
  return adapter_named(scheme);
}

void parse_params(std::string_view text, Url& url) {
  while (!text.empty()) {
    auto value = cut(text, '&');
    if (value.find('=') == std::string_view::npos) refuse("a parameter without \"=\"");
    const auto name = decoded(cut(value, '='), "parameter name");
    if (name.empty()) refuse("a parameter without a name");
    if (std::ranges::any_of(url.params, [&](const auto& param) { return param.first == name; })) {
      refuse(fmt::format("the parameter \"{}\" stands there twice", name));
    }
    url.params.emplace_back(name, decoded(value, "parameter \"" + name + "\""));
  }
}

void parse_host(std::string_view text, Url& url) {
  if (text.find(' ') != std::string_view::npos) refuse("a space in the host");
  std::string_view port;
  if (text.starts_with('[')) {
    const auto close = text.find(']');
    if (close == std::string_view::npos) refuse("\"[\" without \"]\" in the host");
    url.host = decoded(text.substr(1, close - 1), "host");
    auto rest = text.substr(close + 1);
    if (!rest.empty() && rest[0] != ':') refuse("text between \"]\" and the port");
    if (!rest.empty()) port = rest.substr(1);
  } else {
    auto rest = text;
    url.host = decoded(cut(rest, ':'), "host");
    port = rest;
    if (rest.empty() && text.ends_with(':')) refuse("an empty port");
  }
  if (port.empty()) return;
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), url.port);
  if (error != std::errc() || end != port.data() + port.size() || url.port == 0) {
    refuse("the port is not a number from 1 to 65535");
  }
}

void parse_server(std::string_view text, std::string_view query, Url& url) {
  if (!text.starts_with("//")) {
    refuse(fmt::format("\"//\" is missing after \"{}:\"", grant::to_string(url.adapter)));
  }
  text.remove_prefix(2);
  const auto slash = text.find('/');
  auto authority = text.substr(0, slash);
  // What stands before it may be the end of a password, so it must not be taken for a host.
  if (text.find('@', authority.size()) != std::string_view::npos ||
      query.find('@') != std::string_view::npos) {
    refuse(
        "an \"@\" after a \"/\" or \"?\": in a user name or password, write these as %2F and %3F; "
        "in "
        "other parts, write \"@\" as %40");
  }
  if (slash != std::string_view::npos) {
    const auto name = text.substr(slash + 1);
    if (name.find('/') != std::string_view::npos) {
      refuse("a \"/\" in the database name: write it as %2F where it is meant");
    }
    url.database = decoded(name, "database name");
  }
  // The last "@": passwords with an unencoded "@" are common.
  if (const auto at = authority.rfind('@'); at != std::string_view::npos) {
    auto password = authority.substr(0, at);
    authority = authority.substr(at + 1);
    url.user = decoded(cut(password, ':'), "user name");
    url.password = decoded(password, "password");
  }
  parse_host(authority, url);
}

}  // namespace

Url Url::parse(std::string_view text) {
  if (text.empty()) refuse("it is empty");
  check_characters(text);
  const auto colon = text.find(':');
  if (colon == std::string_view::npos ||
      text.substr(0, colon).find('/') != std::string_view::npos) {
    refuse("it does not start with a scheme such as \"postgres:\" or \"sqlite:\"");
  }
  Url url;
  url.adapter = parse_scheme(text.substr(0, colon));

  auto query = text.substr(colon + 1);
  const auto body = cut(query, '?');
  if (url.adapter == Adapter::sqlite) {
    auto file = body;
    if (file.starts_with("//")) file.remove_prefix(2);  // file-URL style: sqlite:///absolute
    url.database = decoded(file, "file name");
    if (url.database.empty()) refuse("the file name is missing after \"sqlite:\"");
  } else {
    parse_server(body, query, url);
  }
  parse_params(query, url);
  return url;
}

std::optional<std::string> Url::take_param(std::string_view name) {
  const auto found = std::ranges::find(params, name, &std::pair<std::string, std::string>::first);
  if (found == params.end()) return std::nullopt;
  auto value = std::move(found->second);
  params.erase(found);
  return value;
}

std::string Url::endpoint() const {
  auto out = fmt::format("{}:{}/{}", host, port, database);
  for (const auto& [name, value] : params) {
    if (std::ranges::find(kPlaces, name) != kPlaces.end()) {
      out += fmt::format("?{}={}", name, encoded(value, "/"));
    }
  }
  return out;
}

bool Url::holds_secret() const {
  return !password.empty() ||
         std::ranges::any_of(params, is_secret, &std::pair<std::string, std::string>::first);
}

std::string Url::to_string() const {
  std::string out(grant::to_string(adapter));
  out += ':';
  if (adapter == Adapter::sqlite) {
    if (database.starts_with("//")) out += "//";  // or parse() would take its own for that
    out += encoded(database, "/:");
  } else {
    out += "//";
    if (!user.empty() || !password.empty()) {
      out += encoded(user, "");
      if (!password.empty()) out += ":***";
      out += '@';
    }
    out += host.find(':') == std::string::npos ? encoded(host, "")
                                               : fmt::format("[{}]", encoded(host, ":"));
    if (port != 0) out += fmt::format(":{}", port);
    out += '/' + encoded(database, "");
  }
  char mark = '?';
  for (const auto& [name, value] : params) {
    out += fmt::format("{}{}={}", mark, encoded(name, ""),
                       is_secret(name) ? "***" : encoded(value, "/"));
    mark = '&';
  }
  return out;
}

}  // namespace grant
