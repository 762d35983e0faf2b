#pragma once

#include <array>
#include <string>
#include <string_view>

#include "driver/place.hpp"
#include "types.hpp"

namespace grant::postgres {

enum class Format : int { text = 0, binary = 1 };

/// What the server takes in one message is 1 GiB, and it hangs up on whoever sends more. This is
/// less by what may stand around the values: six bytes for each of 65535, and names.
inline constexpr std::size_t kLargestMessage = 0x4000'0000 - 512 * 1024;

/// A value in the form that goes to the server.
struct Encoded {
  const char* data{};  ///< Null: the value is null.
  std::size_t size{};
  Format format = Format::binary;
};

/// Room for what an Encoded looks at. Numbers are encoded into `number`; only what has no place of
/// its own needs `text`.
struct Scratch {
  std::array<char, 8> number;
  std::string text;
};

/// The integers in their own types, which most keys are: small, so that it is compiled into the
/// loop over the values. False: it is for encode().
[[nodiscard]] inline bool encode_plain(ValueView value, Oid type, Scratch& scratch,
                                       Encoded& encoded) {
  if (value.kind() != ValueKind::integer) return false;
  const std::int64_t wide = value.as_integer();
  char* const into = scratch.number.data();
  switch (type) {
    case oid::int8:
      store(static_cast<std::uint64_t>(wide), into);
      encoded = {into, sizeof(std::int64_t), Format::binary};
      return true;
    case oid::int4:
      if (wide != static_cast<std::int32_t>(wide)) return false;
      store(static_cast<std::uint32_t>(wide), into);
      encoded = {into, sizeof(std::int32_t), Format::binary};
      return true;
    default: return false;
  }
}

/// Encodes `value` for `type`. The result is valid while `value` and `scratch` are. Errors:
/// invalid_argument, naming `place`, the type and the limit, never the value.
[[nodiscard]] Encoded encode(ValueView value, Oid type, Place place, Scratch& scratch);

/// The same where only binary will do: in arrays and in COPY. Types unknown here get the bytes of
/// text, which is the binary form of enums and of types that are text at heart.
[[nodiscard]] Encoded encode_binary(ValueView value, Oid type, Place place, Scratch& scratch);

}  // namespace grant::postgres
