#include "grant/core/json.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <utility>

#include "grant/core/error.hpp"

namespace grant {

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
  try {
    return nlohmann::json::parse(text_);
  } catch (const nlohmann::json::parse_error& error) {
    // The library's own message quotes the text, which may be a bound value.
    throw_error(
        Errc::invalid_argument,
        fmt::format("text of {} bytes is not JSON: error at byte {}", text_.size(), error.byte));
  }
}

bool operator==(const Json& a, const Json& b) {
  if (a.text_ == b.text_) return true;
  const auto left = nlohmann::json::parse(a.text_, nullptr, false);
  const auto right = nlohmann::json::parse(b.text_, nullptr, false);
  return !left.is_discarded() && !right.is_discarded() && left == right;
}

}  // namespace grant
