#include <array>
#include <cstdint>
#include <new>
#include <utility>

#include "grant/io/task.hpp"

namespace grant::detail {
namespace {

// A sanitizer would not see that a frame is used after its end.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kKeepsNone = true;
#elif defined(__has_feature)
constexpr bool kKeepsNone = __has_feature(address_sanitizer) || __has_feature(thread_sanitizer);
#else
constexpr bool kKeepsNone = false;
#endif

constexpr std::size_t kStep = 128;  // sizes are rounded up to multiples of it
constexpr std::size_t kSizes = 16;
constexpr std::uint8_t kMostOfEach = 4;

/// A frame that nobody uses.
struct Spare {
  Spare* next;
};

struct Shelf {
  Spare* first;
  std::uint8_t count;
};

// Usable to the end of the thread, also by what is destroyed after ThreadEnd.
constinit thread_local std::array<Shelf, kSizes> shelves{};
constinit thread_local bool keeps = false;
constinit thread_local bool has_ended = false;

struct ThreadEnd {
  ThreadEnd() { keeps = true; }
  ThreadEnd(const ThreadEnd&) = delete;
  ThreadEnd& operator=(const ThreadEnd&) = delete;
  ~ThreadEnd() {
    keeps = false;
    has_ended = true;
    for (auto& shelf : shelves) {
      while (Spare* const spare = shelf.first) {
        shelf.first = spare->next;
        ::operator delete(spare);
      }
    }
  }
};

/// Whether this thread keeps frames from now on.
bool begin_to_keep() noexcept {
  if (has_ended) return false;
  static thread_local const ThreadEnd end;
  return keeps;
}

/// kSizes or more: for one that is not kept.
std::size_t shelf_for(std::size_t size) noexcept { return (size - 1) / kStep; }

}  // namespace

void* take_frame(std::size_t size) {
  const auto which = shelf_for(size);
  if (!kKeepsNone && which < kSizes) {
    auto& shelf = shelves[which];
    if (Spare* const spare = shelf.first) {
      shelf.first = spare->next;
      --shelf.count;
      return spare;
    }
    size = (which + 1) * kStep;
  }
  return ::operator new(size);
}

void give_frame(void* frame, std::size_t size) noexcept {
  const auto which = shelf_for(size);
  const bool fits = !kKeepsNone && which < kSizes && shelves[which].count < kMostOfEach;
  if (fits && (keeps || begin_to_keep())) {
    auto& shelf = shelves[which];
    shelf.first = ::new (frame) Spare{shelf.first};
    ++shelf.count;
    return;
  }
  ::operator delete(frame);
}

}  // namespace grant::detail
