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
#include "grant/session/model_connection.hpp"

namespace grant {

class Cluster;

namespace detail {

/// Which queries run where: what they were made in, their model's settings, the shard that a
/// loaded record must go home to, and the line of the user's that asked.
struct Access {
  Scope scope{};
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
