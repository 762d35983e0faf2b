#include "node_finder.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "grant/core/error.hpp"

namespace grant::detail {
namespace {

/// How many connections a statement may break and still be sent again.
constexpr unsigned kMostLost = 1;

std::uint64_t bit(std::size_t node) { return std::uint64_t{1} << node; }

/// What is wrong with each node, for the error that ends a search.
std::vector<std::string> complaints(const Cluster& cluster) {
  std::vector<std::string> all;
  for (const auto& node : cluster.status()) {
    if (!node.last_check) {
      all.push_back(fmt::format("node \"{}\": not reached yet", node.key));
    } else if (node.healthy) {
      all.push_back(fmt::format("node \"{}\": {}", node.key, to_string(node.kind)));
    } else {
      all.push_back(node.last_error);
    }
  }
  return all;
}

/// The innermost transaction on the target's database and shard of the session that `context` is
/// in; null: none. By name: databases that were set up anew meanwhile do not take part in it.
OpenTransaction* transaction_on(const Target& target, const ContextFrame* context) {
  for (const auto* frame = context; frame != nullptr; frame = frame->outer.get()) {
    auto* const transaction = frame->transaction;
    if (transaction != nullptr && transaction->cluster()->database() == target.database &&
        transaction->cluster()->shard() == target.shard &&
        &transaction->session() == session_of(context).get()) {
      return transaction;
    }
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

Located locate(const Access& access) {
  Located located;
  const auto* context = access.context.get();
  located.session = session_of(context);
  located.target = resolve(context, access.connection.database);
  if (!access.shard.empty()) located.target.shard = access.shard;
  if (access.home != nullptr) {
    located.target.database = access.home->database;
    located.target.shard = access.home->shard;
  }

  // A query runs where it was made to run, but never beyond what the thread that runs it is in.
  const auto* here = current_context().get();
  if (here != context) {
    const auto target = resolve(here, access.connection.database);
    located.target.prevent_writes = located.target.prevent_writes || target.prevent_writes;
    located.target.deadline = std::min(located.target.deadline, target.deadline);
  }
  located.transaction = transaction_on(located.target, here);
  located.cluster =
      located.transaction != nullptr
          ? located.transaction->cluster()
          : located.session->registry()->cluster(located.target.database, located.target.shard);
  if (access.home != nullptr) refuse_stranger(*access.home, *located.cluster);
  return located;
}

bool set_up_anew(const Error& error, const Access& access, const Located& located) {
  if (error.code() != Errc::closed || located.transaction != nullptr) return false;
  try {
    return locate(access).cluster != located.cluster;
  } catch (const Error&) {
    return false;  // there are none, or not this one
  }
}

RouteRequest route_request(const Access& access, const Located& located, Effect effect) {
  const auto& routing = located.cluster->routing();
  RouteRequest request;
  request.effect = effect;
  request.role = located.target.role.value_or(Role::reading);
  request.sticky = effect == Effect::read && located.session->sticks_to_primary(
                                                 *located.cluster, located.cluster->clock().now());
  if (access.connection.lag_threshold) {
    request.lag_threshold = saturated(*access.connection.lag_threshold);
  } else if (routing.replica_lag_threshold) {
    request.lag_threshold = saturated(*routing.replica_lag_threshold);
  }
  request.on_no_replica = routing.on_no_replica;
  request.allow_stale = routing.allow_stale;
  return request;
}

void refuse_prevented_write(const Located& located, Effect effect) {
  if (effect == Effect::read || !located.target.prevent_writes) return;
  throw_error(Errc::read_only,
              fmt::format("database \"{}\": a write was tried while writes are prevented",
                          located.cluster->name()));
}

Verdict report_failure(Cluster& cluster, std::size_t node, Effect effect, const Error& error,
                       const Connection& connection) {
  if (error.code() == Errc::read_only) {
    // MariaDB says so of a transaction that was begun for reading: of that alone.
    constexpr int read_only_transaction = 1792;
    if (effect != Effect::write || error.native() == read_only_transaction) {
      return Verdict::unharmed;
    }
    return cluster.report_read_only(node, connection.kind_hint()) ? Verdict::not_writable
                                                                  : Verdict::refuses;
  }
  if (connection.is_open()) return Verdict::unharmed;
  // Idle connections are probably as dead as one that was lost; one that was given up at its
  // deadline says nothing about them.
  if (error.code() == Errc::unavailable) cluster.node(node).drop_idle();
  cluster.report_lost();
  return Verdict::lost;
}

NodeFinder::NodeFinder(const Access& access, const Located& located, Effect effect,
                       TimePoint deadline)
    : cluster_(*located.cluster),
      located_(located),
      deadline_(deadline),
      request_(route_request(access, located, effect)),
      attempts_left_(
          access.connection.retry_attempts.value_or(cluster_.routing().failover_retry_attempts)) {}

std::optional<std::size_t> NodeFinder::next_now() {
  table_ = cluster_.table();
  route_ = cluster_.route(*table_, request_);
  return route_.node;
}

Task<std::size_t> NodeFinder::next(io::Call call) {
  while (true) {
    if (const auto node = next_now()) co_return *node;
    // The probe may have ended before this call looked at the table again: there will be no newer
    // one to wait for.
    if (primary_is_well_again()) {
      request_.tried = 0;
      continue;
    }
    give_up_if_hopeless();
    if (missing_since_ == kNever) missing_since_ = Clock::system().now();
    const auto limited = call.until(wait_until());
    const bool newer = co_await cluster_.newer_table(limited, table_->version);
    if (!newer) give_up();
    // What failed before may be well again by the new table.
    if (may_recover_ && !refused_) request_.tried = 0;
  }
}

Task<bool> NodeFinder::verify(io::Call call, Connection& connection) {
  if (lost_ == 0) co_return true;
  std::optional<ErrorInfo> stale;
  try {
    co_await connection.probe(call);
  } catch (const Error& error) {
    stale = error.info();
  }
  if (!stale) co_return true;
  const Error error(*stale);
  may_recover_ = true;
  reported_ = table_->version;
  report_failure(cluster_, *route_.node, request_.effect, error, connection);
  request_.tried |= bit(*route_.node);
  if (!attempt_again(error)) throw_error(*std::move(stale));
  co_return false;
}

bool NodeFinder::primary_is_well_again() const {
  return may_recover_ && !refused_ && table_->primary &&
         (request_.tried & bit(*table_->primary)) != 0 && table_->version > reported_;
}

/// Waiting helps while a primary may still appear, or while nodes have not been looked at.
TimePoint NodeFinder::wait_until() const {
  const bool all_checked = std::ranges::all_of(table_->nodes, &NodeView::checked);
  const auto for_primary = after(missing_since_, cluster_.routing().failover_timeout);
  // Each node that is probed publishes a table.
  if (refused_ && table_->version < reported_ + cluster_.size()) return for_primary;
  // A primary that refused the statement itself will not change its mind.
  if (table_->primary && (refused_ || !may_recover_)) return missing_since_;
  if (all_checked) return route_.reason == RouteReason::no_primary ? for_primary : missing_since_;
  // The first probe of each node ends in that time, one way or the other.
  constexpr std::chrono::seconds kSlack{1};
  return std::max(for_primary, after(after(missing_since_, cluster_.health().timeout), kSlack));
}

void NodeFinder::give_up_if_hopeless() const {
  for (std::size_t i = 0; i < cluster_.size(); ++i) {
    const auto record = cluster_.health_record(i);
    // Closed: to a forked child, which cannot use the client library.
    const bool final =
        record.error.code == Errc::configuration || record.error.code == Errc::closed;
    if (record.healthy || !final || !record.checked) return;
  }
  throw_error(cluster_.health_record(0).error);
}

void NodeFinder::give_up() const {
  std::vector<std::string> seen;
  for (const auto& failure : failures_) seen.push_back(failure.message);
  if (table_->primary && !failures_.empty()) {
    // There is a primary, so that is not what is missing: the last node's own word.
    auto last = failures_.back();
    seen.pop_back();
    if (!seen.empty()) last.message += fmt::format("; before that: {}", fmt::join(seen, "; "));
    throw_error(std::move(last));
  }
  for (auto& complaint : complaints(cluster_)) {
    if (std::ranges::find(seen, complaint) == seen.end()) seen.push_back(std::move(complaint));
  }
  throw_error(Errc::unavailable,
              fmt::format("database \"{}\": {}; nothing was executed. Seen: {}", cluster_.name(),
                          to_string(route_.reason), fmt::join(seen, "; ")));
}

void NodeFinder::succeeded(Effect effect, const Connection& connection) {
  served(effect);
  // A server that has been promoted may say so with its answers.
  const bool replica = table_->nodes[*route_.node].kind == NodeKind::replica;
  if (replica && connection.kind_hint() == NodeKind::primary) cluster_.report_promoted();
}

void NodeFinder::served(Effect effect) {
  located_.session->served(located_.cluster, *route_.node, route_.reason);
  if (effect == Effect::write) located_.session->wrote(cluster_);
}

bool NodeFinder::attempt_again(const Error& error) {
  failures_.push_back(error.info());
  if (attempts_left_ == 0 || out_of_time()) return false;
  --attempts_left_;
  return true;
}

bool NodeFinder::out_of_time() const { return Clock::system().now() >= deadline_; }

bool NodeFinder::retry_after_checkout_failure(const Error& error) {
  const auto node = *route_.node;
  if (error.code() != Errc::unavailable && error.code() != Errc::configuration) return false;
  if (out_of_time()) {
    // The caller was in too much of a hurry to tell whether the node is well.
    cluster_.report_lost();
    return false;
  }
  reported_ = cluster_.report_unreachable(node, error.info());
  may_recover_ = true;
  request_.tried |= bit(node);
  return attempt_again(error);
}

bool NodeFinder::retry_after_failure(const Error& error, const Connection& connection) {
  const auto node = *route_.node;
  const bool read = request_.effect == Effect::read;
  const auto before = table_->version;
  const auto verdict = report_failure(cluster_, node, request_.effect, error, connection);
  may_recover_ = verdict != Verdict::unharmed;
  reported_ = before;
  switch (error.code()) {
    case Errc::read_only:
      if (verdict == Verdict::unharmed) return false;
      if (verdict == Verdict::refuses) {
        // What it says of itself may be old, behind a pooler or on a server that was fenced off:
        // the probes tell whether another one is the primary.
        request_.tried |= bit(node);
        refused_ = true;
      }
      return attempt_again(error);
    case Errc::unavailable:
      if (!may_recover_ && !read) return false;  // it would say the same again
      // A statement that breaks one connection after the other may be what breaks them.
      if (read && verdict == Verdict::lost && ++lost_ > kMostLost) return false;
      if (read) request_.tried |= bit(node);
      return attempt_again(error);
    case Errc::conflict:
      // A standby ends queries that are in the way of replay.
      request_.tried |= bit(node);
      return read && attempt_again(error);
    case Errc::outcome_unknown:
      // It may have happened: then the session must be able to see it.
      served(Effect::write);
      return false;
    default:
      // The server has run it, and a statement that fails may leave rows on some tables.
      if (!read) located_.session->wrote(cluster_);
      return false;
  }
}

}  // namespace grant::detail
