#pragma once

#include <functional>
#include <string>

#include "grant/io/resolver.hpp"
#include "grant/io/task.hpp"
#include "grant/io/waiter.hpp"

namespace grant::driver {

/// Connects to `address`, in numbers, or throws an Error: one of Errc::unavailable says that
/// another address of the host may do.
using Attempt = std::function<Task<void>(io::Call call, const std::string& address)>;

/// Looks up `host` and makes attempts at its addresses, in turn, until one succeeds. Each gets an
/// equal share of the time that is left, so that one which never answers leaves time for the rest.
/// Errors: those of the attempt, when there is one address; unavailable, with what each said, when
/// there are several; unavailable or cancelled for the look-up.
Task<void> connect_by_name(io::Call call, io::Resolver resolver, std::string node, std::string host,
                           Attempt attempt);

/// The addresses of `host`. Errors: unavailable, cancelled.
Task<std::vector<std::string>> look_up(io::Call call, io::Resolver resolver, std::string node,
                                       std::string host);

}  // namespace grant::driver
