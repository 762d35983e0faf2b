// Text is a document that equals itself however it is written, or refused without being quoted.

#include "grant/core/json.hpp"

#include <nlohmann/json.hpp>

#include "fuzz/fuzz.hpp"

namespace grant::fuzz {

void try_input(std::string_view input) {
  const auto json = Json::from_text(std::string(input));
  require(json.text() == input, "the text is kept");
  require(json == Json::from_text(std::string(input)), "the text equals itself");
  try {
    const Json written = json.parse();
    require(written == json, "a document equals the text that it was read from");
    require(json == written, "either way round");
    require(Json(written.parse()).text() == written.text(), "writing has settled");
  } catch (const Error& error) {
    require(error.code() == Errc::invalid_argument, "refused as an argument");
    require(std::string_view(error.what()).find('\'') == std::string_view::npos,
            "the refusal quotes nothing");
  }
}

}  // namespace grant::fuzz
