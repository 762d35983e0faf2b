#include "grant/pool/pool.hpp"

#include <fmt/format.h>

#include <utility>
#include <vector>

#include "core/fork.hpp"
#include "pool_core.hpp"

namespace grant {

Connection& Lease::connection() const noexcept { return *slot_->connection; }

void Lease::give_back() noexcept { detail::PoolCore::give_back(*slot_, may_block_); }

void Lease::hand_over() noexcept {
  if (slot_ != nullptr) slot_->holder.store(nullptr, std::memory_order_relaxed);
}

Pool::Pool(PoolOptions options, const Driver& driver, ConnectOptions target, const Clock& clock,
           EventSink events, io::Runtime& runtime)
    : core_(std::make_shared<detail::PoolCore>(options, driver, std::move(target), clock,
                                               std::move(events), runtime)) {
  renewed_ = std::make_unique<detail::RenewedInChildren>(this, [](void* self) {
    auto& pool = *static_cast<Pool*>(self);
    auto anew = pool.core_->made_anew();
    // What the parent had is left alone for ever: freeing it would use the parent's connections.
    static auto& left_alone = *new std::vector<std::shared_ptr<detail::PoolCore>>;
    left_alone.push_back(std::exchange(pool.core_, std::move(anew)));
  });
}

Pool::~Pool() {
  renewed_.reset();
  core_->close();
  core_->await_errands();
}

Task<Lease> Pool::acquire(io::Call call, CallSite place) { return core_->acquire(call, place); }

Task<void> Pool::warm_up(io::Call call) { return core_->warm_up(call); }

void Pool::drop_connections() noexcept { core_->drop_connections(); }

void Pool::drop_idle() noexcept { core_->drop_idle(); }

void Pool::resize(std::size_t max_size) { core_->resize(max_size); }

void Pool::suspend() noexcept { core_->suspend(); }

void Pool::resume() noexcept { core_->resume(); }

Task<std::size_t> Pool::drain(io::Call call) { return core_->drain(call); }

void Pool::close() noexcept { core_->close(); }

void Pool::look_after() noexcept { core_->look_after(); }

PoolStats Pool::stats() const { return core_->stats(); }

PoolOptions Pool::options() const { return core_->options(); }

}  // namespace grant
