#pragma once

#include <cstddef>

namespace grant::detail {

/// Memory for the frames of coroutines: most are as large as one that has ended a moment ago on the
/// same thread, and take its place. Thread-safe; a frame may be freed on another thread. Errors:
/// std::bad_alloc.
[[nodiscard]] void* allocate_frame(std::size_t size);
void free_frame(void* frame, std::size_t size) noexcept;

}  // namespace grant::detail
