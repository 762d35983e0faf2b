#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <tuple>

#include "core/fork.hpp"

namespace grant::detail {

/// One T for the process, made of the Args when it is first asked for. A forked child, in which its
/// parent's threads do not run and may have left it in the middle of something, makes another. None
/// is ever destroyed: threads may still use it when the process ends. Thread-safe. Make it a static
/// object.
template <class T, class... Args>
class PerProcess {
 public:
  constexpr explicit PerProcess(Args... args) noexcept : args_(args...) {}

  [[nodiscard]] T& get() {
    Made* known = made_.load(std::memory_order_acquire);
    if (known != nullptr && known->forks == forks()) return known->object;
    auto made = std::make_unique<Made>(args_);
    if (made_.compare_exchange_strong(known, made.get(), std::memory_order_acq_rel)) {
      return made.release()->object;
    }
    return known->object;
  }

 private:
  struct Made {
    explicit Made(const std::tuple<Args...>& args) : object(std::make_from_tuple<T>(args)) {}

    const std::uint64_t forks = detail::forks();
    T object;
  };

  const std::tuple<Args...> args_;
  std::atomic<Made*> made_ = nullptr;
};

}  // namespace grant::detail
