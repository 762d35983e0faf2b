#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "grant/cluster/cluster.hpp"
#include "grant/core/interned.hpp"
#include "grant/registry/registry.hpp"
#include "grant/session/session.hpp"

namespace grant::detail {

/// Until when something holds, for each of a few databases and shards. Only grows: a session uses
/// as many as its program has. Takes no lock. Thread-safe.
class Marks {
 public:
  Marks() = default;
  Marks(const Marks&) = delete;
  Marks& operator=(const Marks&) = delete;
  ~Marks() {
    for (auto* mark = first_.load(); mark != nullptr;) {
      const std::unique_ptr<Mark> owned(mark);
      mark = mark->next;
    }
  }

  [[nodiscard]] bool empty() const noexcept {
    return first_.load(std::memory_order_acquire) == nullptr;
  }

  /// `until`, or what was there if that is later.
  void extend(const Origin& of, TimePoint until) {
    auto* const mark = find_or_add(of);
    auto before = mark->until.load(std::memory_order_relaxed);
    while (before < until &&
           !mark->until.compare_exchange_weak(before, until, std::memory_order_release,
                                              std::memory_order_relaxed)) {
    }
  }

  [[nodiscard]] bool holds(const Origin& of, TimePoint now) const noexcept {
    const auto* const mark = find(first_.load(std::memory_order_acquire), of);
    return mark != nullptr && now < mark->until.load(std::memory_order_acquire);
  }

 private:
  struct Mark {
    const Origin& of;
    std::atomic<TimePoint> until;
    Mark* next;
  };

  [[nodiscard]] static Mark* find(Mark* mark, const Origin& of) noexcept {
    while (mark != nullptr && &mark->of != &of) mark = mark->next;
    return mark;
  }

  /// Of two threads that come with the same one, one adds it, and the other finds it.
  Mark* find_or_add(const Origin& of) {
    std::unique_ptr<Mark> made;
    auto* first = first_.load(std::memory_order_acquire);
    while (true) {
      if (auto* const found = find(first, of)) return found;
      if (!made) made.reset(new Mark{of, TimePoint::min(), nullptr});
      made->next = first;
      if (first_.compare_exchange_weak(first, made.get(), std::memory_order_acq_rel)) {
        return made.release();
      }
    }
  }

  std::atomic<Mark*> first_ = nullptr;
};

/// What the copies of one Session share. Takes no lock: who served last is one word, and until when
/// reads stick to the primary are marks. Thread-safe.
class SessionState {
 public:
  explicit SessionState(std::shared_ptr<Registry> registry) : registry_(std::move(registry)) {}

  /// Errors: configuration, when there is none.
  [[nodiscard]] Registry& registry() const { return registry_ ? *registry_ : global_registry(); }

  /// From now on, and for its sticky_period, reads of `cluster` go to the primary.
  void wrote(const Cluster& cluster, std::chrono::milliseconds sticky_period) {
    if (sticky_period.count() > 0) {
      sticky_until_.extend(cluster.origin(), after(cluster.clock().now(), sticky_period));
    }
  }

  /// Reads of every shard of its database go to the primary until then.
  void stick_database(const Cluster& cluster, TimePoint until) {
    sticky_until_.extend(cluster.every_shard(), until);
  }

  [[nodiscard]] bool sticks_to_primary(const Cluster& cluster) const {
    if (sticky_until_.empty()) return false;
    const auto now = cluster.clock().now();
    return sticky_until_.holds(cluster.origin(), now) ||
           sticky_until_.holds(cluster.every_shard(), now);
  }

  /// `node`: interned().
  void served(const std::string& node, RouteReason reason) noexcept {
    last_.store(reinterpret_cast<const char*>(&node) + static_cast<std::size_t>(reason),
                std::memory_order_release);
  }

  [[nodiscard]] std::optional<Served> last_served() const {
    const char* const last = last_.load(std::memory_order_acquire);
    if (last == nullptr) return std::nullopt;
    const auto reason = reinterpret_cast<std::uintptr_t>(last) & kReason;
    return Served{*reinterpret_cast<const std::string*>(last - reason),
                  static_cast<RouteReason>(reason)};
  }

 private:
  // The lowest bits of the address of an interned name are free.
  static constexpr std::uintptr_t kReason = kInternedAlignment - 1;
  static_assert(static_cast<std::uintptr_t>(RouteReason::no_replica) <= kReason);

  const std::shared_ptr<Registry> registry_;  // null: the global one
  Marks sticky_until_;
  std::atomic<const char*> last_ = nullptr;
};

/// The session that `context` is in: the innermost one that it names. `context` owns it.
[[nodiscard]] SessionState& session_of(const ContextFrame& context);

}  // namespace grant::detail
