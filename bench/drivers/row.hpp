#pragma once

#include <fmt/format.h>

#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "grant/core/clock.hpp"

namespace grant::bench {

/// What the tables hold. Libraries have their own ideas of what a time is.
template <class Time>
struct RowWith {
  std::int64_t id{};
  std::int32_t quantity{};
  std::string name{};
  double price{};
  Time created_at{};
  bool active{};

  bool operator==(const RowWith&) const = default;
};
using Row = RowWith<Timestamp>;

/// The table `bench_rows` holds the rows with the ids from 1 to this.
inline constexpr std::int64_t kRows = 1'000'000;

/// Inserting writes the first of them to `bench_target`.
inline constexpr std::int64_t kInserted = 200'000;

/// The row that has this id, in every table.
[[nodiscard]] Row row_of(std::int64_t id);

/// The rows with the ids from 1 to `count`.
[[nodiscard]] std::vector<Row> first_rows(std::int64_t count);

/// Of the first 10,000 rows: few enough for any cache. The same for every implementation.
[[nodiscard]] inline std::int64_t nth_id(std::size_t n) {
  return static_cast<std::int64_t>(n * 7'919 % 10'000) + 1;
}

/// Sums over rows, which show that all of them came, and came whole.
struct Sums {
  std::int64_t rows{};
  std::int64_t ids{};
  std::int64_t quantities{};
  std::size_t characters{};
  double prices{};  // of quarters, so exact
  std::int64_t seconds{};
  std::int64_t active{};

  /// Rows whose time is not a Timestamp leave `seconds` alone: turning it into one would cost what
  /// their library spared itself.
  template <class Time>
  void add(const RowWith<Time>& row) {
    ++rows;
    ids += row.id;
    quantities += row.quantity;
    characters += row.name.size();
    prices += row.price;
    if constexpr (std::is_same_v<Time, Timestamp>) {
      seconds += std::chrono::duration_cast<std::chrono::seconds>(row.created_at.time_since_epoch())
                     .count();
    }
    active += row.active ? 1 : 0;
  }

  bool operator==(const Sums&) const = default;
};

/// The sums over the rows with the ids from 1 to `count`.
[[nodiscard]] Sums sums_of(std::int64_t count);

/// Throws when `found` is not what `wanted` says; `found` may lack the seconds.
void expect_sums(Sums found, const Sums& wanted);

/// Throws when `found` is not the row with the id `id`.
void expect_same(const Row& found, std::int64_t id);

/// The same for a row whose time may not be a Timestamp, and is not compared then.
template <class Time>
void expect_row(RowWith<Time> row, std::int64_t id) {
  Row found{.id = row.id,
            .quantity = row.quantity,
            .name = std::move(row.name),
            .price = row.price,
            .active = row.active};
  if constexpr (std::is_same_v<Time, Timestamp>) {
    found.created_at = row.created_at;
  } else {
    found.created_at = row_of(id).created_at;
  }
  expect_same(found, id);
}

/// Throws when `found` is not `wanted`: the check that is timed along.
inline void expect_id(std::int64_t found, std::int64_t wanted) {
  if (found != wanted) [[unlikely]] {
    throw std::runtime_error(fmt::format("asked for row {}, got {}", wanted, found));
  }
}

}  // namespace grant::bench
