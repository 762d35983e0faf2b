#pragma once

#include <cmath>
#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "fuzz/fuzz.hpp"
#include "grant/core/codec.hpp"

namespace grant::fuzz {

template <class T>
bool same_member(const T& one, const T& other) {
  if constexpr (std::floating_point<T>) {
    return one == other || (std::isnan(one) && std::isnan(other));
  } else {
    return one == other;
  }
}

template <class T>
void decode_as(ValueView cell) {
  T member{};
  if (!accepts(Errc::invalid_argument, [&] { member = Codec<T>::decode(cell); })) return;
  const Value stored{Codec<T>::encode(member)};
  require(same_member(Codec<T>::decode(stored.view()), member),
          "the member comes back as it was stored");
}

template <class... T>
void decode_as_each(ValueView cell) {
  (decode_as<T>(cell), ...);
}

/// As a member of each type, `cell` is refused as invalid, or goes back the same.
inline void decode_all(ValueView cell) {
  decode_as_each<bool, std::int8_t, std::uint8_t, std::int16_t, std::int32_t, std::uint32_t,
                 std::int64_t, std::uint64_t, float, double, Decimal, std::string, Bytes, Date,
                 TimeOfDay, Timestamp, Uuid, Json, std::vector<std::optional<std::int32_t>>,
                 std::vector<std::optional<std::string>>>(cell);
}

}  // namespace grant::fuzz
