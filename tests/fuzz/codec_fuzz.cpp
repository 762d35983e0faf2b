// A cell of any kind becomes a member of any type and goes back the same, or is refused.

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

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

/// A cell of the kind that the first byte chooses. An array has `element` twice.
Value cell_of(std::string_view input, ValueView element) {
  const auto kind = kValueKinds.at(take_byte(input) % kValueKinds.size());
  std::uint64_t number = 0;
  std::memcpy(&number, input.data(), std::min(input.size(), sizeof number));
  const auto integer = static_cast<std::int64_t>(number);
  switch (kind) {
    case ValueKind::null: return {};
    case ValueKind::boolean: return Value(ValueView::boolean((number & 1U) != 0));
    case ValueKind::integer: return Value(ValueView::integer(integer));
    case ValueKind::unsigned_integer: return Value(ValueView::unsigned_integer(number));
    case ValueKind::real: return Value(ValueView::real(std::bit_cast<double>(number)));
    case ValueKind::decimal:
      if (const auto exact = Decimal::parse(input)) return Value(ValueView::decimal(exact->text()));
      return {};
    case ValueKind::text: return Value(ValueView::text(input));
    case ValueKind::json: return Value(ValueView::json(input));
    case ValueKind::bytes: return Value(ValueView::bytes(std::as_bytes(std::span(input))));
    case ValueKind::date: {
      // What the drivers give: years that a date can be broken down to.
      const auto days = static_cast<int>(integer % 10'000'000);
      return Value(ValueView::date(Date(std::chrono::days(days))));
    }
    case ValueKind::time: {
      const std::chrono::microseconds day = std::chrono::hours(24);
      return Value(ValueView::time(TimeOfDay{
          std::chrono::microseconds(number % static_cast<std::uint64_t>(day.count() + 1))}));
    }
    case ValueKind::timestamp:
      return Value(ValueView::timestamp(Timestamp(std::chrono::microseconds(integer))));
    case ValueKind::uuid:
      if (input.size() < Uuid::kSize) return {};
      return Value(ValueView::uuid(input.substr(0, Uuid::kSize)));
    case ValueKind::array: return Value::array({Value(element), Value(), Value(element)});
  }
  return {};
}

}  // namespace

void try_input(std::string_view input) {
  const auto element = cell_of(input.substr(0, input.size() / 2), {});
  const auto cell = cell_of(input, element.view());
  decode_as_each<bool, std::int8_t, std::uint8_t, std::int16_t, std::int32_t, std::uint32_t,
                 std::int64_t, std::uint64_t, float, double, Decimal, std::string, Bytes, Date,
                 TimeOfDay, Timestamp, Uuid, Json, std::vector<std::optional<std::int32_t>>,
                 std::vector<std::optional<std::string>>>(cell.view());
}

}  // namespace grant::fuzz
