#pragma once

namespace grant {

/// A place in the source: where a connection was checked out. Taken as a default argument, it is
/// the caller's. (std::source_location is not there with Clang 14.)
struct CallSite {
  const char* file = "";
  unsigned line = 0;  ///< 0: not known.

  [[nodiscard]] static constexpr CallSite current(const char* file = __builtin_FILE(),
                                                  unsigned line = __builtin_LINE()) noexcept {
    return {file, line};
  }
};

}  // namespace grant
