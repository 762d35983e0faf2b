#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace grant {

/// A universally unique identifier (RFC 9562). Sorts as its text does.
struct Uuid {
  static constexpr std::size_t kSize = 16;

  std::array<std::byte, kSize> bytes{};

  /// `0190b2f6-6f6e-7c3a-8d3f-2b9a4c1d0e5f`, in lower case.
  [[nodiscard]] std::string to_string() const;

  /// Reads 32 hexadecimal digits in either case, with the hyphens of to_string() or none. Empty
  /// when `text` is not that.
  [[nodiscard]] static std::optional<Uuid> parse(std::string_view text) noexcept;

  friend auto operator<=>(const Uuid&, const Uuid&) = default;
};

}  // namespace grant
