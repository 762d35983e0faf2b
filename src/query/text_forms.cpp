#include "text_forms.hpp"

#include <algorithm>
#include <chrono>

namespace grant::text_forms {

Bounds bounds_of(Timestamp time) {
  // What parse_timestamp() reads begins with a day and an hour that are less than 16 hours away
  // from UTC's. A space, which stands before them or not at all, is less than a T.
  constexpr auto far = std::chrono::hours(16);
  constexpr std::size_t minutes = 16;  // of "YYYY-MM-DD HH:MM"
  const auto written = [](Timestamp each) {
    return is_in_written_years(std::chrono::floor<std::chrono::days>(each));
  };
  Bounds bounds;
  if (written(time) && written(time - far)) {
    bounds.at_least = format_timestamp(time - far).substr(0, minutes);
  }
  if (written(time) && written(time + far)) {
    bounds.below = format_timestamp(time + far).substr(0, minutes);
    bounds.below[10] = 'T';
  }
  return bounds;
}

std::string end_of_zeros(std::string_view canonical) {
  std::string end(canonical);
  end.back() = static_cast<char>(end.back() + 1);
  return end;
}

std::vector<Value> forms_of(const Uuid& uuid) {
  std::vector<Value> forms;
  auto text = uuid.to_string();
  for (const bool hyphens : {true, false}) {
    if (!hyphens) std::erase(text, '-');
    auto upper = text;
    for (char& c : upper) c = c >= 'a' && c <= 'f' ? static_cast<char>(c - 'a' + 'A') : c;
    forms.emplace_back(ValueView::text(text));
    if (upper != text) forms.emplace_back(ValueView::text(upper));
  }
  forms.emplace_back(ValueView::bytes(uuid.bytes));
  return forms;
}

std::vector<Value> forms_of(TimeOfDay time) {
  std::vector<Value> forms;
  const auto longest = format_time(time);
  const std::string_view all = longest;
  const auto last = all.find_last_not_of('0');
  const auto add = [&](std::size_t length) {
    forms.emplace_back(ValueView::text(all.substr(0, length)));
  };
  constexpr std::size_t seconds = 8;  // of "HH:MM:SS"
  if (last < seconds + 1 && all.substr(5, 3) == ":00") add(5);
  if (last < seconds + 1) add(seconds);
  for (std::size_t length = std::max(last, seconds + 1) + 1; length <= all.size(); ++length) {
    add(length);
  }
  return forms;
}

}  // namespace grant::text_forms
