#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace grant {

namespace detail {

/// How many stripes there are of what threads count; a power of two.
inline constexpr std::size_t kStripes = 16;

/// The stripe of a thread that has none yet: they take turns.
[[nodiscard]] std::size_t next_stripe() noexcept;

/// The calling thread's stripe, and one; 0: it has none yet.
inline constinit thread_local std::size_t stripe_of_thread = 0;

/// The calling thread's stripe.
[[nodiscard]] inline std::size_t this_stripe() noexcept {
  if (stripe_of_thread == 0) [[unlikely]]
    stripe_of_thread = next_stripe() + 1;
  return stripe_of_thread - 1;
}

/// Nothing else is on its cache line.
struct alignas(64) Stripe {
  std::atomic<std::int64_t> value = 0;
};

}  // namespace detail

/// A number that many threads change and few ask for: each counts on a cache line of its own, and
/// who asks adds them up. Thread-safe.
class StripedCount {
 public:
  /// Gives what the calling thread's stripe was before.
  std::int64_t add(std::int64_t change) noexcept {
    return stripes_[detail::this_stripe()].value.fetch_add(change, std::memory_order_relaxed);
  }

  /// The next number of a sequence that is the calling thread's stripe's own; those of threads that
  /// begin one after the other are one apart.
  std::uint64_t next() noexcept { return peek(add(1)); }
  [[nodiscard]] std::uint64_t peek() const noexcept { return peek(own()); }

  /// Of changes under way meanwhile, some may be in it.
  [[nodiscard]] std::int64_t sum() const noexcept {
    std::int64_t sum = 0;
    for (const auto& stripe : stripes_) sum += stripe.value.load(std::memory_order_relaxed);
    return sum;
  }

  void reset() noexcept {
    for (auto& stripe : stripes_) stripe.value.store(0, std::memory_order_relaxed);
  }

 private:
  /// What the calling thread's stripe is.
  [[nodiscard]] std::int64_t own() const noexcept {
    return stripes_[detail::this_stripe()].value.load(std::memory_order_relaxed);
  }
  [[nodiscard]] static std::uint64_t peek(std::int64_t own) noexcept {
    return static_cast<std::uint64_t>(own) + detail::this_stripe();
  }

  std::array<detail::Stripe, detail::kStripes> stripes_;
};

}  // namespace grant
