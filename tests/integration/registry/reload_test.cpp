// Databases are set up anew while threads use them.

#include <gtest/gtest.h>

#include <atomic>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "grant/core/mutex.hpp"
#include "grant/grant.hpp"
#include "support/engines.hpp"

namespace grant::test {
namespace {

struct Entry : Model<Entry> {
  std::int64_t id{};
  std::string pair{};

  static constexpr auto table =
      grant::table<Entry>("reload_entries", column<&Entry::id>.primary_key(), column<&Entry::pair>);
};
constexpr auto pair = field<&Entry::pair>;

/// What threads have seen go wrong, the first of it.
class Wrong {
 public:
  void note(const std::string& what) {
    const Lock lock(mutex_);
    if (first_.empty()) first_ = what;
  }
  std::string first() {
    const Lock lock(mutex_);
    return first_;
  }

 private:
  Mutex mutex_;
  std::string first_ GRANT_GUARDED_BY(mutex_);
};

/// Runs `action` on threads while the databases are set up anew fifty times.
template <class Action>
std::string reload_under_load(const Databases& databases, const Action& action) {
  Wrong wrong;
  std::atomic<bool> stop = false;
  std::atomic<int> rounds = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&, i] {
      while (!stop) {
        try {
          action(i, rounds++);
        } catch (const std::exception& error) {
          wrong.note(error.what());
        }
      }
    });
  }
  for (int i = 0; i < 50; ++i) {
    const int before = rounds;
    establish_connections(databases);
    while (rounds < before + 4) std::this_thread::yield();
  }
  stop = true;
  for (auto& thread : threads) thread.join();
  return wrong.first();
}

/// Pairs are written by one transaction, of which some change their mind.
void write_pair(int thread, int round) {
  const auto name = std::to_string(thread) + '/' + std::to_string(round);
  struct ChangedMind {};
  try {
    transaction("primary", [&] {
      Entry::create(pair = name);
      Entry::create(pair = name);
      if (round % 3 == 0) throw ChangedMind();
    });
  } catch (const ChangedMind&) {
    if (Entry::where(pair == name).count() != 0) throw std::runtime_error("rolled back, and there");
    return;
  }
  if (Entry::where(pair == name).count() != 2) throw std::runtime_error("not both are there");
}

void read_and_stream(int /*thread*/, int /*round*/) {
  if (Entry::count() != 100) throw std::runtime_error("another number was counted");
  int seen = 0;
  Entry::each([&](const Entry&) { ++seen; }, {.chunk_rows = 10});
  if (seen != 100) throw std::runtime_error("another number was read");
}

class ReloadUnderLoad : public ::testing::TestWithParam<Adapter> {
 protected:
  ReloadUnderLoad() {
    databases_ = {{"primary", {.url = url_on(GetParam(), directory_)}}};
    establish_connections(databases_);
    sql("DROP TABLE IF EXISTS reload_entries").run();
    Entry::create_table();
  }
  ~ReloadUnderLoad() override { close_connections(); }

  TemporaryDirectory directory_;
  Databases databases_;
};

TEST_P(ReloadUnderLoad, TransactionsAreWholeAndNothingFails) {
  EXPECT_EQ(reload_under_load(databases_, write_pair), "");
}

TEST_P(ReloadUnderLoad, ReadsAndStreamsGoOn) {
  for (int i = 0; i < 100; ++i) Entry::create(pair = "x");
  EXPECT_EQ(reload_under_load(databases_, read_and_stream), "");
}

INSTANTIATE_TEST_SUITE_P(Engines, ReloadUnderLoad, ::testing::ValuesIn(built_engines()),
                         [](const auto& adapter) { return std::string(to_string(adapter.param)); });

}  // namespace
}  // namespace grant::test
