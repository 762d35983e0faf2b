#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace grant {

enum class Severity : std::uint8_t { debug, info, warning, error };

[[nodiscard]] std::string_view to_string(Severity severity) noexcept;

/// One named fact of an event. Never a password or a bound value.
struct EventField {
  std::string_view name;  ///< A string literal, such as "node".
  std::variant<std::string, std::int64_t, double, bool> value;
};

/// Something worth knowing that happened: a node changed state, a caller waited for a pool in vain.
struct Event {
  Severity severity{};
  std::string_view name;  ///< A string literal, such as "node.unhealthy".
  std::vector<EventField> fields;
};

/// `name key=value key="text with spaces"`, on one line without a line end.
[[nodiscard]] std::string to_string(const Event& event);

/// Receives events. Called on the thread where the event happened, with no lock of Grant held; it
/// must be thread-safe and should return soon. What it throws is swallowed.
using EventSink = std::function<void(const Event&)>;

/// A sink that writes events of at least `least` to standard error, a line each.
[[nodiscard]] EventSink stderr_sink(Severity least = Severity::info);

/// Hands `event` to `sink`, if there is one; never throws.
void emit(const EventSink& sink, const Event& event) noexcept;

}  // namespace grant
