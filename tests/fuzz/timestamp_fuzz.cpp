// Text is a time that is written and read again the same, or refused; written times sort as times.

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "fuzz/fuzz.hpp"
#include "grant/core/timestamp.hpp"

namespace grant::fuzz {
namespace {

void write_and_read_again(Timestamp time) {
  require(parse_timestamp(format_timestamp(time)) == time, "a written time reads the same");
}

/// A time in the years 0 to 9999, which are those that can be written.
Timestamp take_time(std::string_view& input) {
  std::uint64_t number = 0;
  const auto size = std::min(input.size(), sizeof number);
  std::memcpy(&number, input.data(), size);
  input.remove_prefix(size);
  const Timestamp first = parse_timestamp("0000-01-01").value();
  const Timestamp last = parse_timestamp("9999-12-31 23:59:59.999999").value();
  const auto span = static_cast<std::uint64_t>((last - first).count());
  return first + std::chrono::microseconds(static_cast<std::int64_t>(number % (span + 1)));
}

}  // namespace

void try_input(std::string_view input) {
  if (const auto time = parse_timestamp(input)) write_and_read_again(*time);
  if (input.empty()) return;
  const auto one = take_time(input);
  const auto other = take_time(input);
  write_and_read_again(one);
  require((one < other) == (format_timestamp(one) < format_timestamp(other)),
          "written times sort as times");
}

}  // namespace grant::fuzz
