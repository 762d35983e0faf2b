#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "grant/core/date.hpp"
#include "grant/core/timestamp.hpp"
#include "grant/core/uuid.hpp"
#include "grant/core/value.hpp"

/// The forms that text of a value can have where an engine keeps it as text: all that are read.
namespace grant::text_forms {

/// Every form of the time, and of each later one, is `at_least` that; every form of it, and of each
/// earlier one, is `below` that. Empty: no text is, within the years that are written.
struct Bounds {
  std::string at_least;
  std::string below;
};
[[nodiscard]] Bounds bounds_of(Timestamp time);

/// The end of the texts that begin with a decimal's canonical one and go on with zeros, or with a
/// point and zeros.
[[nodiscard]] std::string end_of_zeros(std::string_view canonical);

/// All ways to keep a UUID: as text with or without hyphens, in lower or upper case, and as bytes.
[[nodiscard]] std::vector<Value> forms_of(const Uuid& uuid);

/// All ways to write a time of day, from the shortest to the one with six decimals: each is less
/// than the next as text.
[[nodiscard]] std::vector<Value> forms_of(TimeOfDay time);

}  // namespace grant::text_forms
