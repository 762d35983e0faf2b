// Any text is taken apart or refused; what is written back reads the same; no password gets out.

#include <algorithm>

#include "fuzz/fuzz.hpp"
#include "grant/driver/url.hpp"

namespace grant::fuzz {
namespace {

constexpr std::string_view kSecret = "hunter2";

void write_and_read_again(const Url& url) {
  const auto text = url.to_string();
  require(std::ranges::all_of(text, [](char c) { return c > ' ' && c < '\x7f'; }),
          "what goes to logs is printable");
  const auto again = Url::parse(text);
  require(again.adapter == url.adapter, "the adapter reads the same");
  require(again.user == url.user, "the user reads the same");
  require(again.host == url.host, "the host reads the same");
  require(again.port == url.port, "the port reads the same");
  require(again.database == url.database, "the database reads the same");
  require(again.password == (url.password.empty() ? "" : "***"), "the password is hidden");
  require(again.params.size() == url.params.size(), "there are as many parameters");
  for (std::size_t i = 0; i < url.params.size(); ++i) {
    require(again.params[i].first == url.params[i].first, "the parameter's name reads the same");
    require(again.params[i].second == url.params[i].second || again.params[i].second == "***",
            "the parameter's value reads the same");
  }
  require(again.to_string() == text, "writing has settled");
}

/// A URL with the secret somewhere in its password, whatever stands around it, encoded or not.
void keep_the_secret(std::string_view input) {
  if (input.find(kSecret) != std::string_view::npos) return;
  std::string text = "postgres://";
  text += take_until(input, '\n');
  text += ':';
  text += take_until(input, '\n');
  text += kSecret;
  text += take_until(input, '\n');
  text += '@';
  text += input;
  try {
    require(Url::parse(text).to_string().find(kSecret) == std::string::npos,
            "the URL for logs does not show the password");
  } catch (const Error& error) {
    require(error.code() == Errc::configuration, "refused as configuration");
    require(std::string_view(error.what()).find(kSecret) == std::string_view::npos,
            "the refusal does not show the password");
  }
}

}  // namespace

void try_input(std::string_view input) {
  Url url;
  if (accepts(Errc::configuration, [&] { url = Url::parse(input); })) write_and_read_again(url);
  keep_the_secret(input);
}

}  // namespace grant::fuzz
