#include "grant/core/event.hpp"

#include <fmt/format.h>

#include <cstdio>
#include <type_traits>

namespace grant {
namespace {

std::string quoted(std::string_view text) {
  if (!text.empty() && text.find_first_of(" \"\n\r\t=") == std::string_view::npos) {
    return std::string(text);
  }
  std::string out = "\"";
  for (const char c : text) {
    switch (c) {
      case '"': out += "\\\""; break;
      case '\\': out += "\\\\"; break;
      case '\n': out += "\\n"; break;
      case '\r': out += "\\r"; break;
      case '\t': out += "\\t"; break;
      default: out += c;
    }
  }
  return out + '"';
}

}  // namespace

std::string_view to_string(Severity severity) noexcept {
  switch (severity) {
    case Severity::debug: return "debug";
    case Severity::info: return "info";
    case Severity::warning: return "warning";
    case Severity::error: return "error";
  }
  return "unknown";
}

std::string to_string(const Event& event) {
  std::string line(event.name);
  for (const auto& field : event.fields) {
    line += fmt::format(" {}=", field.name);
    std::visit(
        [&line](const auto& value) {
          if constexpr (std::is_same_v<std::decay_t<decltype(value)>, std::string>) {
            line += quoted(value);
          } else {
            line += fmt::format("{}", value);
          }
        },
        field.value);
  }
  return line;
}

EventSink stderr_sink(Severity least) {
  return [least](const Event& event) {
    if (event.severity < least) return;
    const auto line = fmt::format("grant {}: {}\n", to_string(event.severity), to_string(event));
    std::fwrite(line.data(), 1, line.size(), stderr);
  };
}

void emit(const EventSink& sink, const Event& event) noexcept {
  if (!sink) return;
  try {
    sink(event);
  } catch (...) {
    // A sink that fails must not fail the query it reports on.
  }
}

}  // namespace grant
