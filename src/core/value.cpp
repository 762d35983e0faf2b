#include "grant/core/value.hpp"

#include <utility>

namespace grant {

std::string_view to_string(ValueKind kind) noexcept {
  switch (kind) {
    case ValueKind::null: return "null";
    case ValueKind::boolean: return "boolean";
    case ValueKind::integer: return "integer";
    case ValueKind::unsigned_integer: return "unsigned integer";
    case ValueKind::real: return "real";
    case ValueKind::decimal: return "decimal";
    case ValueKind::text: return "text";
    case ValueKind::bytes: return "bytes";
    case ValueKind::date: return "date";
    case ValueKind::time: return "time";
    case ValueKind::timestamp: return "timestamp";
    case ValueKind::uuid: return "uuid";
    case ValueKind::json: return "json";
    case ValueKind::array: return "array";
  }
  return "unknown";
}

std::string_view article_of(ValueKind kind) noexcept {
  const bool vowel =
      kind == ValueKind::integer || kind == ValueKind::unsigned_integer || kind == ValueKind::array;
  return vowel ? "an" : "a";
}

struct Value::Elements {
  std::vector<Value> values;
  std::vector<ValueView> views;  // of them
};

Value::Value(ValueView view) : scalar_(view) {
  if (view.has_characters()) {
    characters_ = view.as_characters();
  } else if (view.kind() == ValueKind::array) {
    std::vector<Value> elements;
    elements.reserve(view.as_array().size());
    for (const auto& element : view.as_array()) elements.emplace_back(element);
    *this = array(std::move(elements));
  }
}

Value Value::array(std::vector<Value> elements) {
  auto owned = std::make_shared<Elements>();
  owned->values = std::move(elements);
  owned->views.reserve(owned->values.size());
  for (const auto& element : owned->values) owned->views.push_back(element.view());
  Value value;
  value.scalar_ = ValueView::array(owned->views);
  value.elements_ = std::move(owned);
  return value;
}

ValueView Value::view() const noexcept {
  if (scalar_.is_bits()) return ValueView::bits(characters());
  return characters();
}

ValueView Value::characters() const noexcept {
  switch (scalar_.kind()) {
    case ValueKind::text: return ValueView::text(characters_);
    case ValueKind::json: return ValueView::json(characters_);
    case ValueKind::decimal: return ValueView::decimal(characters_);
    case ValueKind::uuid: return ValueView::uuid(characters_);
    case ValueKind::bytes:
      return ValueView::bytes(std::as_bytes(std::span(characters_.data(), characters_.size())));
    default: return scalar_;  // an array's elements stay where they are
  }
}

}  // namespace grant
