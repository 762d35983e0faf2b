#include "node_finder.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "grant/core/error.hpp"
#include "pause.hpp"

namespace grant::detail {
namespace {

/// How many connections a statement may break and still be sent again.
constexpr unsigned kMostLost = 1;

/// What is wrong with each node, for the error that ends a search.
std::vector<std::string> complaints(const Topology& topology) {
  std::vector<std::string> all;
  for (const auto& known : topology.known()) {
    const auto& name = known.member.node->name();
    const auto& record = known.record;
    if (!record.checked) {
      all.push_back(fmt::format("node \"{}\": not reached yet", name));
    } else if (record.healthy) {
      all.push_back(fmt::format("node \"{}\": {}", name, to_string(record.seen.kind)));
    } else {
      all.push_back(record.error.message);
    }
  }
  return all;
}

}  // namespace

Verdict report_failure(Topology& topology, Node& node, Effect effect, const Error& error,
                       const Connection& connection) {
  if (error.code() == Errc::read_only) {
    if (effect != Effect::write || node.driver().blames_transaction(error.info())) {
      return Verdict::unharmed;
    }
    return topology.report_read_only(node, connection.kind_hint()) ? Verdict::not_writable
                                                                   : Verdict::refuses;
  }
  if (connection.is_open()) return Verdict::unharmed;
  // Idle connections are probably as dead as one that was lost; one that was given up at its
  // deadline says nothing about them.
  if (error.code() == Errc::unavailable) node.drop_idle();
  topology.report_lost();
  return Verdict::lost;
}

NodeFinder::NodeFinder(const Place& place, Effect effect, io::Call call)
    : cluster_(place.cluster()),
      topology_(cluster_.topology()),
      place_(place),
      call_(call),
      request_(place.request(effect)),
      attempts_left_(place.retries()),
      table_(place.found()->table.get()) {}

bool NodeFinder::choose() {
  // The place was found by the newest one; what failed since may have made another.
  if (table_->version != topology_.version()) {
    newer_ = topology_.table();
    table_ = newer_.get();
  }
  route_ = cluster_.balancer().route(*table_, request_);
  return route_.node.has_value();
}

Task<Chosen> NodeFinder::next() {
  if (choose()) return Chosen{*chosen().node, newer_};
  return wait_for_next();
}

Task<Chosen> NodeFinder::wait_for_next() {
  while (true) {
    // The probe may have ended before this call looked at the table again: there will be no newer
    // one to wait for.
    if (primary_is_well_again()) {
      request_.tried.clear();
    } else {
      give_up_if_hopeless();
      if (missing_since_ == kNever) missing_since_ = call_.now();
      const bool newer = co_await topology_.newer_table(call_.until(wait_until()), table_->version);
      if (!newer) give_up();
      // What failed before may be well again by the new table.
      if (may_recover_ && !refused_) request_.tried.clear();
    }
    if (choose()) co_return Chosen{*chosen().node, newer_};
  }
}

Task<bool> NodeFinder::verify(Connection& connection) {
  if (lost_ == 0) return true;
  return probe(connection);
}

Task<bool> NodeFinder::probe(Connection& connection) {
  std::optional<ErrorInfo> stale;
  try {
    co_await connection.probe(call_);
  } catch (const Error& error) {
    stale = error.info();
  }
  if (!stale) co_return true;
  const Error error(*stale);
  may_recover_ = true;
  reported_ = table_->version;
  report_failure(topology_, *chosen().node, request_.effect, error, connection);
  request_.tried.push_back(chosen().id);
  if (!attempt_again(error)) throw_error(*std::move(stale));
  co_return false;
}

Task<void> NodeFinder::pause() {
  // The first time at once: that is on another node, or on a connection that is not as old.
  if (failures_.size() < 2) return Done();
  return sleep();
}

Task<void> NodeFinder::sleep() {
  const auto random = cluster_.runtime().random_bits();
  co_await call_.sleep_until(after(call_.now(), pause_after(failures_.size() - 1, random)));
}

bool NodeFinder::primary_is_well_again() const {
  return may_recover_ && !refused_ && table_->primary &&
         std::ranges::find(request_.tried, table_->nodes[*table_->primary].id) !=
             request_.tried.end() &&
         table_->version > reported_;
}

/// Waiting helps while a primary may still appear, or while nodes have not been looked at.
TimePoint NodeFinder::wait_until() const {
  const bool all_checked = std::ranges::all_of(table_->nodes, &NodeView::checked);
  const auto for_primary = after(missing_since_, table_->options.routing.failover_timeout);
  // Each node that is probed publishes a table.
  if (refused_ && table_->version < reported_ + table_->nodes.size()) return for_primary;
  // A primary that refused the statement itself will not change its mind.
  if (table_->primary && (refused_ || !may_recover_)) return missing_since_;
  if (all_checked) return route_.reason == RouteReason::no_primary ? for_primary : missing_since_;
  // The first probe of each node ends in that time, one way or the other.
  constexpr std::chrono::seconds kSlack{1};
  return std::max(for_primary,
                  after(after(missing_since_, table_->options.health.timeout), kSlack));
}

void NodeFinder::give_up_if_hopeless() const {
  const auto all = topology_.known();
  for (const auto& known : all) {
    const auto& record = known.record;
    // Closed: to a forked child, which cannot use the client library.
    const bool final =
        record.error.code == Errc::configuration || record.error.code == Errc::closed;
    if (record.healthy || !final || !record.checked) return;
  }
  throw_error(all.front().record.error);
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
  for (auto& complaint : complaints(topology_)) {
    if (std::ranges::find(seen, complaint) == seen.end()) seen.push_back(std::move(complaint));
  }
  throw_error(Errc::unavailable,
              fmt::format("database \"{}\": {}; nothing was executed. Seen: {}", cluster_.name(),
                          to_string(route_.reason), fmt::join(seen, "; ")));
}

void NodeFinder::succeeded(Effect effect, const Connection& connection) {
  served(effect);
  // A server that has been promoted may say so with its answers.
  const bool replica = chosen().kind == NodeKind::replica;
  if (replica && connection.kind_hint() == NodeKind::primary) topology_.report_promoted();
}

void NodeFinder::served(Effect effect) {
  place_.session().served(chosen().node->name(), route_.reason);
  if (effect == Effect::write) place_.wrote();
}

bool NodeFinder::attempt_again(const Error& error) {
  failures_.push_back(error.info());
  if (attempts_left_ == 0 || out_of_time()) return false;
  --attempts_left_;
  return true;
}

bool NodeFinder::out_of_time() const {
  return call_.deadline() != kNever && call_.now() >= call_.deadline();
}

bool NodeFinder::retry_after_checkout_failure(const Error& error) {
  if (error.code() != Errc::unavailable && error.code() != Errc::configuration) return false;
  if (out_of_time()) {
    // The caller was in too much of a hurry to tell whether the node is well.
    topology_.report_lost();
    return false;
  }
  reported_ = topology_.report_unreachable(*chosen().node, error.info(), table_->version);
  may_recover_ = true;
  request_.tried.push_back(chosen().id);
  return attempt_again(error);
}

bool NodeFinder::retry_after_failure(const Error& error, const Connection& connection) {
  const auto node = chosen().id;
  const bool read = request_.effect == Effect::read;
  const auto before = table_->version;
  const auto verdict =
      report_failure(topology_, *chosen().node, request_.effect, error, connection);
  may_recover_ = verdict != Verdict::unharmed;
  reported_ = before;
  switch (error.code()) {
    case Errc::read_only:
      if (verdict == Verdict::unharmed) return false;
      if (verdict == Verdict::refuses) {
        // What it says of itself may be old, behind a pooler or on a server that was fenced off:
        // the probes tell whether another one is the primary.
        request_.tried.push_back(node);
        refused_ = true;
      }
      return attempt_again(error);
    case Errc::unavailable:
      if (!may_recover_ && !read) return false;  // it would say the same again
      // A statement that breaks one connection after the other may be what breaks them.
      if (read && verdict == Verdict::lost && ++lost_ > kMostLost) return false;
      if (read) request_.tried.push_back(node);
      return attempt_again(error);
    case Errc::conflict:
      // A standby ends queries that are in the way of replay.
      request_.tried.push_back(node);
      return read && attempt_again(error);
    case Errc::outcome_unknown:
      // It may have happened: then the session must be able to see it.
      served(Effect::write);
      return false;
    default:
      // The server has run it, and a statement that fails may leave rows on some tables.
      if (!read) place_.wrote();
      return false;
  }
}

}  // namespace grant::detail
