#pragma once

#include <string>
#include <string_view>

#include "grant/core/error.hpp"

namespace grant::fuzz {

/// One run of a target; each program defines it. Fails by require(), by a sanitizer, or by an
/// exception that escapes.
void try_input(std::string_view input);

/// Ends the program, which makes libFuzzer print the input and keep it, unless `holds`.
void require(bool holds, std::string_view what);

/// True when `action` succeeds; false when it refuses by throwing an Error with `code`.
template <class Action>
[[nodiscard]] bool accepts(Errc code, const Action& action) {
  try {
    action();
    return true;
  } catch (const Error& error) {
    require(error.code() == code, "refused with the code for what was wrong");
    return false;
  }
}

/// Takes the bytes up to the next `mark` off the front of `input`; everything when there is none.
[[nodiscard]] std::string_view take_until(std::string_view& input, char mark) noexcept;

/// Takes one byte off the front of `input`; 0 when it is empty.
[[nodiscard]] unsigned char take_byte(std::string_view& input) noexcept;

}  // namespace grant::fuzz
