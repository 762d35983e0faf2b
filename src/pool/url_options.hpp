#pragma once

#include <string_view>

#include "grant/driver/url.hpp"
#include "grant/pool/pool_options.hpp"

namespace grant::detail {

/// The pool's options with those that the URL carries; they are taken out of the URL. Errors:
/// configuration, naming `where` and the parameter.
[[nodiscard]] PoolOptions take_pool_options(PoolOptions pool, Url& url, std::string_view where);

/// The URL with all of them.
[[nodiscard]] Url with_pool_options(Url url, const PoolOptions& pool);

}  // namespace grant::detail
