#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "grant/cluster/origin.hpp"
#include "grant/cluster/route.hpp"
#include "grant/core/call_site.hpp"
#include "grant/driver/adapter.hpp"
#include "grant/driver/result.hpp"
#include "grant/driver/row_stream.hpp"
#include "grant/driver/statement.hpp"
#include "grant/io/task.hpp"
#include "grant/io/waiter.hpp"
#include "grant/session/context.hpp"

namespace grant {

class Cluster;

/// How a model is connected: `static constexpr auto connection = grant::connects_to("primary")…`.
struct ModelConnection {
  std::string_view database = "primary";
  std::optional<std::chrono::milliseconds> lag_threshold{};
  std::optional<std::size_t> retry_attempts{};

  /// Most lag of a replica that serves this model's reads, in place of the database's.
  [[nodiscard]] constexpr ModelConnection replica_lag_threshold(
      std::chrono::milliseconds threshold) const {
    auto changed = *this;
    changed.lag_threshold = threshold;
    return changed;
  }

  /// How often a statement of this model that was certainly not executed is tried again, in place
  /// of the database's. Zero: never.
  [[nodiscard]] constexpr ModelConnection failover_retry_attempts(std::size_t attempts) const {
    auto changed = *this;
    changed.retry_attempts = attempts;
    return changed;
  }
};

/// The connection of a model to `database`; a string literal.
[[nodiscard]] constexpr ModelConnection connects_to(std::string_view database) {
  ModelConnection connection;
  connection.database = database;
  return connection;
}

namespace detail {

/// Which queries run where: the context they were made in, their model's settings, the shard that a
/// loaded record must go home to, and the line of the user's that asked.
struct Access {
  Context context{};
  ModelConnection connection{};
  const Origin* home = nullptr;  ///< Null: by the context.
  std::string shard{};           ///< Where the caller named one; empty: by the context.
  bool raw = false;              ///< The SQL is the caller's own: its reads are guarded.
  CallSite place{};              ///< Of the call, for reports about its connection.
};

struct Executed {
  std::unique_ptr<Result> result;
  const Origin* origin = nullptr;
};

/// Where the statements of one operation go: see src/session/place.hpp.
class Place;

/// Routes `statement`, runs it, and tries it again where that is safe. Its views must live until
/// the task ends. Errors: read_only where writes are prevented; unavailable, naming every node
/// tried; whatever the server says.
Task<Executed> execute(Place place, Statement statement, io::Call call);

/// The same where `access` leads, which is found before the task begins. Errors, at once: as
/// Registry::cluster().
Task<Executed> execute(Access access, Statement statement, io::Call call);

/// The same, blocking, within the context's deadline.
Executed execute(const Place& place, const Statement& statement);
Executed execute(Access access, const Statement& statement);

/// Takes the rows of one chunk; they came from `origin`.
using TakeChunk = std::function<void(const Result& rows, const Origin* origin)>;

/// Runs a query and hands its rows to `take` a chunk at a time, in bounded memory; blocks. Tried
/// again as execute() does, until the first chunk is there. Errors: those of execute(); what `take`
/// throws, which ends the query.
void stream(const Place& place, const Statement& statement, StreamOptions options,
            const TakeChunk& take);

/// Where a statement with this effect would go now.
[[nodiscard]] RouteExplanation explain_route(const Place& place, Effect effect);
[[nodiscard]] RouteExplanation explain_route(Access access, Effect effect);

}  // namespace detail
}  // namespace grant
