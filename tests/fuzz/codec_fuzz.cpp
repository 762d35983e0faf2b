// A cell of any kind becomes a member of any type and goes back the same, or is refused.

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>
#include <span>

#include "fuzz/decode_all.hpp"
#include "fuzz/fuzz.hpp"
#include "grant/core/codec.hpp"

namespace grant::fuzz {
namespace {

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
    case ValueKind::date:
      return Value(ValueView::date(Date(std::chrono::days(static_cast<int>(integer)))));
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
  decode_all(cell.view());
}

}  // namespace grant::fuzz
