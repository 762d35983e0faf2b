// Any file is a configuration or refused by name; what stands in a wrong place does not get out.

#include "fuzz/fuzz.hpp"
#include "grant/registry/config.hpp"

namespace grant::fuzz {
namespace {

constexpr std::string_view kFile = "fuzz.toml";
constexpr std::string_view kSecret = "hunter2";

/// `input` with a URL that holds the secret wherever it has a byte that no such file holds.
std::string with_secrets(std::string_view input) {
  constexpr char place = '\x01';
  std::string text;
  for (const char c : input) {
    if (c == place) {
      text += "postgres://app:";
      text += kSecret;
      text += "@h/d";
    } else {
      text += c;
    }
  }
  return text;
}

}  // namespace

void try_input(std::string_view input) {
  if (input.find(kSecret) != std::string_view::npos) return;
  try {
    const auto databases = parse_config(with_secrets(input), kFile);
    require(!databases.empty(), "what was taken has a database");
  } catch (const Error& error) {
    const std::string_view message = error.what();
    require(error.code() == Errc::configuration, "refused as configuration");
    require(message.starts_with(kFile), "the refusal names the file");
    require(message.find(kSecret) == std::string_view::npos, "the refusal shows no password");
  }
}

}  // namespace grant::fuzz
