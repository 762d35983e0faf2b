#include "grant/io/frame_memory.hpp"

#include <array>
#include <cstdint>
#include <new>

namespace grant::detail {
namespace {

// A sanitizer must see each frame come and go.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kKeep = false;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
constexpr bool kKeep = false;
#else
constexpr bool kKeep = true;
#endif
#else
constexpr bool kKeep = true;
#endif

constexpr std::size_t kStep = 64;     // frames are rounded up to a multiple of this
constexpr std::size_t kClasses = 32;  // larger ones are not kept
constexpr std::uint32_t kMost = 8;    // of one size

struct Free {
  Free* next;
};

/// What one thread keeps. Not an object with a destructor: coroutines may still end when it would
/// have gone.
struct Kept {
  std::array<Free*, kClasses> first{};
  std::array<std::uint32_t, kClasses> count{};
  bool over = false;  ///< The thread's objects are being destroyed: nothing is kept any more.
};

constinit thread_local Kept kept;

struct FreeAtEnd {
  ~FreeAtEnd() {
    kept.over = true;
    for (auto*& first : kept.first) {
      while (first != nullptr) {
        auto* const frame = first;
        first = frame->next;
        ::operator delete(frame);
      }
    }
  }
};

std::size_t class_of(std::size_t size) noexcept { return (size - 1) / kStep; }

}  // namespace

void* allocate_frame(std::size_t size) {
  const auto which = class_of(size);
  if (!kKeep || which >= kClasses) return ::operator new(size);
  auto*& first = kept.first[which];
  if (first == nullptr) return ::operator new((which + 1) * kStep);
  auto* const frame = first;
  first = frame->next;
  --kept.count[which];
  return frame;
}

void free_frame(void* frame, std::size_t size) noexcept {
  const auto which = class_of(size);
  if (!kKeep || which >= kClasses || kept.over || kept.count[which] >= kMost) {
    return ::operator delete(frame);
  }
  if (kept.count[which]++ == 0) {
    thread_local const FreeAtEnd free_at_end;
    static_cast<void>(&free_at_end);
  }
  auto* const free = ::new (frame) Free{kept.first[which]};
  kept.first[which] = free;
}

}  // namespace grant::detail
