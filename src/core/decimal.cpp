#include "grant/core/decimal.hpp"

#include <algorithm>

#include "grant/core/error.hpp"

namespace grant {
namespace {

bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }

/// The parts of a canonical text.
struct Parts {
  bool negative;
  std::string_view whole;
  std::string_view decimals;  // without zeros at the end
};

Parts parts_of(std::string_view text) noexcept {
  Parts parts{};
  parts.negative = text.starts_with('-');
  if (parts.negative) text.remove_prefix(1);
  const auto point = text.find('.');
  parts.whole = text.substr(0, point);
  if (point == std::string_view::npos) return parts;
  parts.decimals = text.substr(point + 1);
  while (parts.decimals.ends_with('0')) parts.decimals.remove_suffix(1);
  return parts;
}

std::strong_ordering compare_magnitudes(const Parts& a, const Parts& b) noexcept {
  if (a.whole.size() != b.whole.size()) return a.whole.size() <=> b.whole.size();
  if (const auto order = a.whole <=> b.whole; order != 0) return order;
  return a.decimals <=> b.decimals;
}

}  // namespace

Decimal::Decimal(std::string_view text) {
  auto number = parse(text);
  if (!number) {
    throw_error(Errc::invalid_argument,
                "the text is no exact decimal: digits with an optional sign and point");
  }
  *this = *std::move(number);
}

std::optional<Decimal> Decimal::parse(std::string_view text) {
  const bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(1);
  const auto point = text.find('.');
  auto whole = text.substr(0, point);
  const bool has_point = point != std::string_view::npos;
  const auto decimals = has_point ? text.substr(point + 1) : std::string_view{};
  if (whole.empty() && decimals.empty()) return std::nullopt;
  if (!std::ranges::all_of(whole, is_digit) || !std::ranges::all_of(decimals, is_digit)) {
    return std::nullopt;
  }
  while (whole.starts_with('0')) whole.remove_prefix(1);
  const bool zero = whole.empty() && decimals.find_first_not_of('0') == std::string_view::npos;

  Decimal decimal;
  decimal.text_ = negative && !zero ? "-" : "";
  decimal.text_ += whole.empty() ? "0" : whole;
  if (!decimals.empty()) decimal.text_.append(".").append(decimals);
  return decimal;
}

std::string Decimal::canonical() const {
  const auto decimals = parts_of(text_).decimals;
  const auto point = text_.find('.');
  return text_.substr(0, decimals.empty() ? point : point + 1 + decimals.size());
}

std::weak_ordering operator<=>(const Decimal& a, const Decimal& b) noexcept {
  const auto left = parts_of(a.text_);
  const auto right = parts_of(b.text_);
  if (left.negative != right.negative) {
    return left.negative ? std::weak_ordering::less : std::weak_ordering::greater;
  }
  return left.negative ? compare_magnitudes(right, left) : compare_magnitudes(left, right);
}

}  // namespace grant
