#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace grant {

/// A JSON document as text, the way a JSON column carries it. Cheap to include; include
/// <nlohmann/json.hpp> yourself to build or take apart documents.
///
///     event.payload = nlohmann::json{{"page", "/"}};
///     auto page = event.payload.parse().at("page");
class Json {
 public:
  /// `null`.
  Json() = default;

  // Implicit on purpose: a nlohmann::json is a JSON document.
  Json(const nlohmann::json& document);  // NOLINT(google-explicit-constructor)

  /// Takes `text` as it stands; the database checks it. Use parse() to check it here.
  [[nodiscard]] static Json from_text(std::string text);

  [[nodiscard]] const std::string& text() const noexcept { return text_; }

  /// The document. Errors: invalid_argument when the text is not JSON, nests deeper than 1000
  /// levels, or has a number beyond those of a double.
  [[nodiscard]] nlohmann::json parse() const;

  /// Compares documents, not text: key order and white space do not count. Text that parse()
  /// refuses equals only the same text.
  friend bool operator==(const Json& a, const Json& b);

 private:
  std::string text_ = "null";
};

}  // namespace grant
