// A cell of any kind becomes a member of any type and goes back the same, or is refused.

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <span>

#include "fuzz/fuzz.hpp"
#include "grant/core/codec.hpp"

namespace grant::fuzz {
namespace {

template <class T>
bool same(const T& one, const T& other) {
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
  require(same(Codec<T>::decode(stored.view()), member), "the member comes back as it was stored");
}

template <class... T>
void decode_as_each(ValueView cell) {
  (decode_as<T>(cell), ...);
}

ValueView view_of(std::string_view input) {
  const auto kind = static_cast<ValueKind>(take_byte(input) % 8);
  std::uint64_t number = 0;
  std::memcpy(&number, input.data(), std::min(input.size(), sizeof number));
  const auto integer = static_cast<std::int64_t>(number);
  switch (kind) {
    case ValueKind::null: return {};
    case ValueKind::boolean: return ValueView::boolean((number & 1U) != 0);
    case ValueKind::integer: return ValueView::integer(integer);
    case ValueKind::real: return ValueView::real(std::bit_cast<double>(number));
    case ValueKind::text: return ValueView::text(input);
    case ValueKind::json: return ValueView::json(input);
    case ValueKind::bytes: return ValueView::bytes(std::as_bytes(std::span(input)));
    case ValueKind::timestamp:
      return ValueView::timestamp(Timestamp(std::chrono::microseconds(integer)));
  }
  return {};
}

}  // namespace

void try_input(std::string_view input) {
  decode_as_each<bool, std::int8_t, std::uint8_t, std::int16_t, std::int32_t, std::uint32_t,
                 std::int64_t, float, double, std::string, Bytes, Timestamp, Json>(view_of(input));
}

}  // namespace grant::fuzz
