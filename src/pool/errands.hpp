#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "grant/core/mutex.hpp"
#include "grant/io/loop.hpp"

namespace grant::detail {

/// What a pool does behind its callers that uses its driver or its event sink: the end of the pool
/// waits for that. Thread-safe: it has a lock of its own, below all others.
class Errands {
 public:
  class Errand;
  class ErrandHere;

  Errands() noexcept;
  Errands(const Errands&) = delete;
  Errands& operator=(const Errands&) = delete;

  /// None begins any more, and those on a loop are cancelled.
  void close() noexcept GRANT_EXCLUDES(mutex_);

  /// After close(): until all have ended but those on this thread's own stack.
  void await_end() GRANT_EXCLUDES(mutex_);

 private:
  const std::uint64_t forks_;  ///< How often the process had forked when this was made.
  Mutex mutex_;
  Condition ended_;
  std::size_t under_way_ GRANT_GUARDED_BY(mutex_) = 0;
  bool closed_ GRANT_GUARDED_BY(mutex_) = false;
  std::vector<io::Loop*> loops_ GRANT_GUARDED_BY(mutex_);
};

/// One of them, for as long as this lives.
class Errands::Errand {
 public:
  explicit Errand(Errands& errands);
  Errand(const Errand&) = delete;
  Errand& operator=(const Errand&) = delete;
  ~Errand();

  /// False: the errands are closed; do nothing.
  [[nodiscard]] bool begun() const noexcept { return begun_; }

  /// It goes on, on a loop that close() cancels; this must go before the loop. Once. False: do not
  /// begin any more.
  [[nodiscard]] bool go_on(io::Loop& loop);

 private:
  Errands& errands_;
  io::Loop* loop_ = nullptr;
  bool begun_ = false;
};

/// One that is on this thread's stack. Cannot be waited for here: an event sink that ends its pool
/// is called by such.
class Errands::ErrandHere {
 public:
  explicit ErrandHere(Errands& errands);
  ErrandHere(const ErrandHere&) = delete;
  ErrandHere& operator=(const ErrandHere&) = delete;
  ~ErrandHere();

  [[nodiscard]] bool begun() const noexcept { return errand_.begun(); }
  [[nodiscard]] static std::size_t count(const Errands& errands) noexcept;

 private:
  const Errands& errands_;
  const Errand errand_;
  const ErrandHere* const outer_;
};

}  // namespace grant::detail
