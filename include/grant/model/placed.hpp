#pragma once

#include "grant/core/call_site.hpp"

namespace grant::detail {

/// A first argument together with the place of the call that it is given to, for functions whose
/// last parameter is a pack: what follows a pack has no default. Lives as long as that call.
template <class T>
struct Placed {
  // Implicit: so it is the caller's place that the default argument sees.
  Placed(const T& given, CallSite here = CallSite::current()) noexcept  // NOLINT
      : value(given), place(here) {}

  const T& value;
  CallSite place;
};

}  // namespace grant::detail
