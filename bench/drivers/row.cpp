#include "bench/drivers/row.hpp"

namespace grant::bench {

Row row_of(std::int64_t id) {
  constexpr std::chrono::sys_days kStart{std::chrono::year(2024) / 1 / 1};
  return {.id = id,
          .quantity = static_cast<std::int32_t>(id * 7'919 % 1'000),
          .name = fmt::format("customer {}", id),
          .price = static_cast<double>(id) * 0.25,
          .created_at = kStart + std::chrono::microseconds(id * 1'000'003),
          .active = id % 3 == 0};
}

std::vector<Row> first_rows(std::int64_t count) {
  std::vector<Row> rows;
  rows.reserve(static_cast<std::size_t>(count));
  for (std::int64_t id = 1; id <= count; ++id) rows.push_back(row_of(id));
  return rows;
}

Sums sums_of(std::int64_t count) {
  Sums sums;
  for (std::int64_t id = 1; id <= count; ++id) sums.add(row_of(id));
  return sums;
}

void expect_sums(Sums found, const Sums& wanted) {
  if (found.seconds == 0) found.seconds = wanted.seconds;
  if (found != wanted) {
    throw std::runtime_error(
        fmt::format("the rows are not what they should be: {} rows with ids of {}, not {} of {}",
                    found.rows, found.ids, wanted.rows, wanted.ids));
  }
}

void expect_same(const Row& found, std::int64_t id) {
  if (found != row_of(id)) {
    throw std::runtime_error(
        fmt::format("row {} came back with another content, as row {}", id, found.id));
  }
}

}  // namespace grant::bench
