#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "driver/turns.hpp"
#include "grant/driver/connection.hpp"
#include "grant/io/task.hpp"
#include "grant/io/waiter.hpp"

namespace grant::driver {

/// Connects, or does whatever else needs a connection of its own. It may block, and must own what
/// it uses.
using Connecting = std::function<Task<std::unique_ptr<Connection>>(io::Call call)>;

/// `connect_timeout` of a URL; empty: there is none.
using Limit = std::optional<std::chrono::seconds>;

/// Runs `connecting` on a thread of its own, and gives what it gives. The caller is held no longer
/// than `call` and `limit` say, whatever the client library does there; what is given up so ends
/// when it likes, unseen. `turns` are those at the server: while one is overdue, nothing is tried.
/// Errors: those of `connecting`; unavailable, cancelled.
Task<std::unique_ptr<Connection>> connect_apart(io::Call call, Limit limit, std::string node,
                                                std::shared_ptr<Turns> turns,
                                                Connecting connecting);

}  // namespace grant::driver
