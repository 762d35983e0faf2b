#include "place.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "grant/core/error.hpp"

namespace grant::detail {
namespace {

/// The innermost transaction on this database and shard of the session that `context` is in; null:
/// none. By name: databases that were set up anew meanwhile do not take part in it. `handed`:
/// whoever made the query in it wants it run there and nowhere else.
std::shared_ptr<OpenTransaction> transaction_on(const Target& target, const ContextFrame& context,
                                                bool handed) {
  for (const auto* frame = &context; frame != nullptr; frame = frame->outer.get()) {
    const auto* const on = frame->transaction_on;
    if (on == nullptr || on->database != target.database || on->shard != target.shard) continue;
    auto transaction = frame->transaction.lock();
    if (transaction && &transaction->session() == &session_of(context)) return transaction;
    if (transaction || !handed) continue;
    throw_error(Errc::invalid_argument,
                fmt::format("database \"{}\": the transaction that the query was handed has ended; "
                            "nothing was sent",
                            on->database));
  }
  return nullptr;
}

/// A record must not be written to a database that has the name of its own.
void refuse_stranger(const Origin& home, const Cluster& cluster) {
  if (home.lineage == cluster.origin().lineage) return;
  throw_error(
      Errc::invalid_argument,
      fmt::format("database \"{}\": the record came from a database of that name in another "
                  "registry: use it in a session on that one",
                  cluster.name()));
}

}  // namespace

Place::Place(Access access)
    : context_(std::move(access.scope.context)),
      connection_(access.connection),
      site_(access.place),
      raw_(access.raw) {
  if (!context_) context_ = current_context();
  session_ = &session_of(*context_);
  auto target = resolve(context_.get(), access.connection.database);
  if (!access.shard.empty()) target.shard = access.shard;
  if (access.home != nullptr) {
    target.database = access.home->database;
    target.shard = access.home->shard;
  }

  // A query runs where it was made to run, but never beyond what the thread that runs it is in.
  const auto& here = current_context();
  if (here != context_) {
    const auto around = resolve(here.get(), access.connection.database);
    target.prevent_writes = target.prevent_writes || around.prevent_writes;
    target.deadline = std::min(target.deadline, around.deadline);
  }
  role_ = target.role;
  deadline_ = target.deadline;
  prevents_writes_ = target.prevent_writes;
  // One that is the thread's own is joined only by what runs on that thread.
  const bool handed = access.scope.handed;
  transaction_ = transaction_on(target, handed ? *context_ : *here, handed);
  found_ = transaction_ != nullptr
               ? transaction_->found()
               : find_cluster(session_->registry(), target.database, target.shard);
  if (access.home != nullptr) refuse_stranger(*access.home, cluster());
}

RouteRequest Place::request(Effect effect) const {
  RouteRequest request;
  request.effect = effect;
  request.role = role_.value_or(Role::reading);
  request.sticky = effect == Effect::read && session_->sticks_to_primary(cluster());
  const auto& threshold =
      connection_.lag_threshold ? connection_.lag_threshold : routing().replica_lag_threshold;
  if (threshold) request.lag_threshold = saturated(*threshold);
  request.on_no_replica = routing().on_no_replica;
  request.allow_stale = routing().allow_stale;
  return request;
}

void Place::refuse_prevented(Effect effect) const {
  if (effect == Effect::read || !prevents_writes_) return;
  throw_error(
      Errc::read_only,
      raw_
          ? fmt::format("database \"{}\": writes are prevented, and SQL of your own is taken for a "
                        "write unless it is marked: add .read() where it only reads",
                        cluster().name())
          : fmt::format("database \"{}\": a write was tried while writes are prevented",
                        cluster().name()));
}

}  // namespace grant::detail
