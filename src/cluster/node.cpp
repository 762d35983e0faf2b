#include "grant/cluster/node.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <utility>

#include "grant/core/interned.hpp"
#include "grant/io/waiter.hpp"
#include "pool/url_options.hpp"

namespace grant {
namespace {

/// Never used twice: a lease may keep a database after its node has gone.
std::string new_memory_name() {
  static std::atomic<std::uint64_t> count = 0;
  return fmt::format("grant-{}", ++count);
}

NodeId new_id() {
  static std::atomic<NodeId> last = 0;
  return ++last;
}

PoolStats sum(const PoolStats& a, const PoolStats& b) noexcept {
  PoolStats both;
  both.leased = a.leased + b.leased;
  both.idle = a.idle + b.idle;
  both.opening = a.opening + b.opening;
  both.waiting = a.waiting + b.waiting;
  both.longest_held = std::max(a.longest_held, b.longest_held);
  both.checkouts = a.checkouts + b.checkouts;
  both.timeouts = a.timeouts + b.timeouts;
  both.opened = a.opened + b.opened;
  both.failed = a.failed + b.failed;
  both.closed = a.closed + b.closed;
  return both;
}

}  // namespace

Node::Node(const Driver& driver, ConnectOptions target, PoolOptions pool, const Clock& clock,
           EventSink events, std::string identity, io::Runtime& runtime)
    : id_(new_id()),
      identity_(identity.empty() ? target.url.endpoint() : std::move(identity)),
      name_(interned(target.node)),
      driver_(driver),
      target_(std::move(target)),
      given_(pool) {
  auto options = pool;
  auto opened_as = target_;
  switch (driver.sharing(target_)) {
    case Sharing::free: break;
    case Sharing::one_writer:
      opened_as.purpose = Purpose::reading;
      reading_.emplace(pool, driver, opened_as, clock, events, runtime);
      opened_as.purpose = Purpose::writing;
      options.max_size = 1;
      break;
    case Sharing::one_connection:
      // Such a database goes with its last connection, and pools close theirs when they like.
      opened_as.memory = new_memory_name();
      keeper_ = run(driver.connect(io::Call(io::blocking_waiter()), opened_as));
      options.max_size = 1;
      break;
  }
  pool_.emplace(options, driver, std::move(opened_as), clock, std::move(events), runtime);
}

Node::~Node() = default;

std::shared_ptr<Node> Node::make(const Driver& driver, ConnectOptions target, PoolOptions pool,
                                 const Clock& clock, EventSink events, std::string identity,
                                 io::Runtime& runtime) {
  auto made = std::make_unique<Node>(driver, std::move(target), pool, clock, std::move(events),
                                     std::move(identity), runtime);
  return {made.release(), [&runtime](Node* node) {
            std::unique_ptr<Node> last(node);
            if (node->closed_) return;
            // Its last user may be a statement, or an event loop, that cannot wait for what its
            // pool is in the middle of.
            try {
              runtime.post([node] { delete node; });
              static_cast<void>(last.release());
            } catch (const Error&) {
              // No thread can be had: here, then.
            }
          }};
}

PoolStats Node::pool_stats() const {
  return reading_ ? sum(pool_->stats(), reading_->stats()) : pool_->stats();
}

std::optional<PoolStats> Node::writing_stats() const {
  return reading_ ? std::optional(pool_->stats()) : std::nullopt;
}

Task<void> Node::warm_up(io::Call call) {
  co_await pool_->warm_up(call);
  if (reading_) co_await reading_->warm_up(call);
}

void Node::drop_connections() noexcept {
  pool_->drop_connections();
  if (reading_) reading_->drop_connections();
}

void Node::drop_idle() noexcept {
  pool_->drop_idle();
  if (reading_) reading_->drop_idle();
}

void Node::suspend() noexcept {
  pool_->suspend();
  if (reading_) reading_->suspend();
}

void Node::resume() noexcept {
  pool_->resume();
  if (reading_) reading_->resume();
}

Task<std::size_t> Node::drain(io::Call call) {
  close();  // both at once: neither goes on while the other is waited for
  auto left = co_await pool_->drain(call);
  if (reading_) left += co_await reading_->drain(call);
  co_return left;
}

void Node::resize(std::size_t max_size) {
  if (reading_) return reading_->resize(max_size);
  pool_->resize(keeper_ ? std::min<std::size_t>(max_size, 1) : max_size);
}

void Node::close() noexcept {
  closed_ = true;
  pool_->close();
  if (reading_) reading_->close();
}

std::string Node::pool_url() const {
  return detail::with_pool_options(target_.url, pool(Effect::read).options()).to_string();
}

// Not inlined, here and at its end: a coroutine may go on in another thread than before, and must
// look anew which it is.
[[gnu::noinline]] Node::InFlight::InFlight(Node& node) noexcept
    : node_(&node), life_(node.life_.load()) {
  node.in_flight_.add(1);
}

[[gnu::noinline]] Node::InFlight::~InFlight() {
  // A forked child may end what its parent has begun, and does not count it.
  if (node_ != nullptr && life_ == node_->life_.load()) node_->in_flight_.add(-1);
}

}  // namespace grant
