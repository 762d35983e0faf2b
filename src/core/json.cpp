#include "grant/core/json.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <string_view>
#include <utility>

#include "grant/core/error.hpp"

namespace grant {
namespace {

// Comparing and writing a document go as deep as it is nested.
constexpr int kMostLevels = 1000;

bool nests_too_deep(std::string_view text) {
  int level = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '"') {
      in_string = !in_string;
    } else if (in_string) {
      if (c == '\\') ++i;
    } else if (c == '[' || c == '{') {
      if (++level > kMostLevels) return true;
    } else if (c == ']' || c == '}') {
      --level;
    }
  }
  return false;
}

/// Discarded when `text` is not JSON.
nlohmann::json parsed(const std::string& text) {
  if (nests_too_deep(text)) return nlohmann::json::value_t::discarded;
  return nlohmann::json::parse(text, nullptr, false);
}

}  // namespace

Json::Json(const nlohmann::json& document) {
  try {
    text_ = document.dump();
  } catch (const nlohmann::json::exception&) {
    throw_error(Errc::invalid_argument, "JSON document holds text that is not valid UTF-8");
  }
}

Json Json::from_text(std::string text) {
  Json json;
  json.text_ = std::move(text);
  return json;
}

nlohmann::json Json::parse() const {
  if (nests_too_deep(text_)) {
    throw_error(Errc::invalid_argument,
                fmt::format("JSON text of {} bytes nests deeper than {} levels", text_.size(),
                            kMostLevels));
  }
  try {
    return nlohmann::json::parse(text_);
  } catch (const nlohmann::json::parse_error& error) {
    // The library's own message quotes the text, which may be a bound value.
    throw_error(
        Errc::invalid_argument,
        fmt::format("text of {} bytes is not JSON: error at byte {}", text_.size(), error.byte));
  } catch (const nlohmann::json::out_of_range&) {
    throw_error(
        Errc::invalid_argument,
        fmt::format("JSON text of {} bytes has a number that no double holds", text_.size()));
  }
}

bool operator==(const Json& a, const Json& b) {
  if (a.text_ == b.text_) return true;
  const auto left = parsed(a.text_);
  const auto right = parsed(b.text_);
  return !left.is_discarded() && !right.is_discarded() && left == right;
}

}  // namespace grant
