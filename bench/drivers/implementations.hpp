#pragma once

#include <cstddef>
#include <future>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "bench/drivers/row.hpp"
#include "bench/harness.hpp"
#include "bench/memory.hpp"

// What the libraries have in common. Each gives a `connect`, which opens a connection of its own
// and returns what uses it; the rest is here, so that all are asked and checked alike.
namespace grant::bench {

/// How many connections, each with a thread, ask side by side.
inline constexpr std::size_t kConnections = 8;

/// How many rows one pipeline asks for.
inline constexpr std::size_t kPipelined = 100;

/// `connect()(id)` gives the row with this id.
template <class Connect>
Implementation finding(std::string name, Connect connect) {
  return {std::move(name), [connect] {
            auto find = std::make_shared<decltype(connect())>(connect());
            expect_row((*find)(kRows / 2), kRows / 2);
            return [find](Round& round) {
              const Allocations allocations;
              for (std::size_t i = 0; i < round.iterations; ++i) {
                const auto row = (*find)(nth_id(i));
                expect_id(row.id, nth_id(i));
                keep(row);
              }
              allocations.report(round);
            };
          }};
}

/// As finding(), on kConnections connections at once.
template <class Connect>
Implementation finding_at_once(std::string name, Connect connect) {
  return {std::move(name), [connect] {
            using Find = decltype(connect());
            auto finds = std::make_shared<std::vector<Find>>();
            for (std::size_t i = 0; i < kConnections; ++i) finds->push_back(connect());
            expect_row(finds->front()(kRows / 2), kRows / 2);
            return [finds](Round& round) {
              std::vector<std::future<void>> threads;
              for (std::size_t t = 0; t < kConnections; ++t) {
                threads.push_back(std::async(std::launch::async, [&round, &finds, t] {
                  Find& find = (*finds)[t];
                  for (std::size_t i = t; i < round.iterations; i += kConnections) {
                    const auto row = find(nth_id(i));
                    expect_id(row.id, nth_id(i));
                    keep(row);
                  }
                }));
              }
              for (auto& thread : threads) thread.get();
            };
          }};
}

/// `connect()(ids)` gives the rows with these kPipelined ids, in their order.
template <class Connect>
Implementation finding_many(std::string name, Connect connect) {
  return {std::move(name), [connect] {
            auto find = std::make_shared<decltype(connect())>(connect());
            return [find](Round& round) {
              std::vector<std::int64_t> ids(kPipelined);
              for (std::size_t i = 0; i < round.iterations; ++i) {
                for (std::size_t k = 0; k < kPipelined; ++k) ids[k] = nth_id(i * kPipelined + k);
                const auto rows = (*find)(ids);
                for (std::size_t k = 0; k < kPipelined; ++k) expect_id(rows.at(k).id, ids[k]);
                keep(rows);
              }
            };
          }};
}

/// `connect()(sums)` reads bench_rows and adds every row.
template <class Connect>
Implementation reading(std::string name, Connect connect) {
  return {std::move(name), [connect] {
            auto read = std::make_shared<decltype(connect())>(connect());
            static const Sums wanted = sums_of(kRows);
            return [read](Round& round) {
              const MemoryPeak peak;
              for (std::size_t i = 0; i < round.iterations; ++i) {
                Sums sums;
                (*read)(sums);
                expect_sums(sums, wanted);
              }
              peak.report(round);
            };
          }};
}

/// The rows to insert, in a library's own form of them.
using Rows = std::vector<Row>;

/// `connect(rows)()` inserts `rows` into bench_target, as one transaction. `connect` may keep
/// another form of them.
template <class Connect>
Implementation inserting(std::string name, Connect connect) {
  return {std::move(name), [connect] {
            static const Rows rows = first_rows(kInserted);
            auto insert = std::make_shared<decltype(connect(rows))>(connect(rows));
            return [insert](Round& round) {
              const MemoryPeak peak;
              for (std::size_t i = 0; i < round.iterations; ++i) (*insert)();
              peak.report(round);
            };
          }};
}

}  // namespace grant::bench
