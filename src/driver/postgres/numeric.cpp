#include "numeric.hpp"

#include <cstdint>
#include <vector>

#include "types.hpp"

namespace grant::postgres {
namespace {

constexpr std::size_t kHeader = 8;
constexpr std::size_t kDigits = 4;  // decimal ones in one to base 10000
constexpr std::size_t kMostWhole = 131'072;
constexpr std::size_t kMostDecimals = 16'383;
constexpr std::uint16_t kPositive = 0x0000;
constexpr std::uint16_t kNegative = 0x4000;
constexpr std::uint16_t kNan = 0xC000;
constexpr std::uint16_t kInfinity = 0xD000;
constexpr std::uint16_t kNegativeInfinity = 0xF000;

void append_16(std::uint16_t number, std::string& out) {
  char bytes[2];
  store(number, bytes);
  out.append(bytes, sizeof bytes);
}

}  // namespace

bool append_numeric(std::string_view decimal, std::string& out) {
  const bool negative = decimal.starts_with('-');
  if (negative) decimal.remove_prefix(1);
  const auto point = decimal.find('.');
  std::string digits(decimal.substr(0, point));
  const auto decimals =
      point == std::string_view::npos ? std::string_view{} : decimal.substr(point + 1);
  if (digits.size() > kMostWhole || decimals.size() > kMostDecimals) return false;

  digits.insert(0, (kDigits - digits.size() % kDigits) % kDigits, '0');
  int weight = static_cast<int>(digits.size() / kDigits) - 1;
  digits += decimals;
  digits.append((kDigits - decimals.size() % kDigits) % kDigits, '0');

  std::vector<std::uint16_t> groups;
  for (std::size_t i = 0; i < digits.size(); i += kDigits) {
    unsigned group = 0;
    for (std::size_t j = i; j < i + kDigits; ++j) {
      group = group * 10 + static_cast<unsigned>(digits[j] - '0');
    }
    if (group == 0 && groups.empty()) {
      --weight;  // a leading zero says nothing
    } else {
      groups.push_back(static_cast<std::uint16_t>(group));
    }
  }
  while (!groups.empty() && groups.back() == 0) groups.pop_back();
  if (groups.empty()) weight = 0;

  append_16(static_cast<std::uint16_t>(groups.size()), out);
  append_16(static_cast<std::uint16_t>(weight), out);
  append_16(negative ? kNegative : kPositive, out);
  append_16(static_cast<std::uint16_t>(decimals.size()), out);
  for (const auto group : groups) append_16(group, out);
  return true;
}

NumericForm append_decimal(std::string_view bytes, std::string& out) {
  if (bytes.size() < kHeader) return NumericForm::malformed;
  const auto count = load<std::uint16_t>(bytes.data());
  const int weight = static_cast<std::int16_t>(load<std::uint16_t>(bytes.data() + 2));
  const auto sign = load<std::uint16_t>(bytes.data() + 4);
  const auto scale = load<std::uint16_t>(bytes.data() + 6);
  if (sign == kNan) return NumericForm::not_a_number;
  if (sign == kInfinity || sign == kNegativeInfinity) return NumericForm::infinite;
  if ((sign != kPositive && sign != kNegative) || scale > kMostDecimals ||
      bytes.size() != kHeader + std::size_t{2} * count) {
    return NumericForm::malformed;
  }

  // Digits before the first group and behind the last one are zeros.
  const auto group = [&](int at) -> unsigned {
    if (at < 0 || at >= count) return 0;
    return load<std::uint16_t>(bytes.data() + kHeader + std::size_t{2} * static_cast<unsigned>(at));
  };
  for (int at = 0; at < count; ++at) {
    if (group(at) > 9'999) return NumericForm::malformed;
  }
  if (sign == kNegative) out += '-';
  const auto append_group = [&out](unsigned number, std::size_t digits) {
    const char all[] = {
        static_cast<char>('0' + number / 1'000), static_cast<char>('0' + number / 100 % 10),
        static_cast<char>('0' + number / 10 % 10), static_cast<char>('0' + number % 10)};
    out.append(all, digits);
  };
  if (weight < 0) {
    out += '0';
  } else {
    out += std::to_string(group(0));
    for (int at = 1; at <= weight; ++at) append_group(group(at), kDigits);
  }
  if (scale > 0) out += '.';
  std::size_t left = scale;
  for (int at = weight + 1; left > 0; ++at) {
    const auto digits = left < kDigits ? left : kDigits;
    append_group(group(at), digits);
    left -= digits;
  }
  return NumericForm::number;
}

}  // namespace grant::postgres
