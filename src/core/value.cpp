#include "grant/core/value.hpp"

namespace grant {

std::string_view to_string(ValueKind kind) noexcept {
  switch (kind) {
    case ValueKind::null: return "null";
    case ValueKind::boolean: return "boolean";
    case ValueKind::integer: return "integer";
    case ValueKind::real: return "real";
    case ValueKind::text: return "text";
    case ValueKind::bytes: return "bytes";
    case ValueKind::timestamp: return "timestamp";
    case ValueKind::json: return "json";
  }
  return "unknown";
}

namespace {

bool has_characters(ValueKind kind) {
  return kind == ValueKind::text || kind == ValueKind::bytes || kind == ValueKind::json;
}

}  // namespace

Value::Value(ValueView view) : scalar_(view) {
  if (has_characters(view.kind())) characters_ = view.as_characters();
}

ValueView Value::view() const noexcept {
  switch (scalar_.kind()) {
    case ValueKind::text: return ValueView::text(characters_);
    case ValueKind::json: return ValueView::json(characters_);
    case ValueKind::bytes:
      return ValueView::bytes(std::as_bytes(std::span(characters_.data(), characters_.size())));
    default: return scalar_;
  }
}

}  // namespace grant
