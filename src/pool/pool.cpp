#include "grant/pool/pool.hpp"

#include <utility>

#include "pool_core.hpp"

namespace grant {

Connection& Lease::connection() const noexcept { return *slot_->connection; }

void Lease::give_back() noexcept { core_->give_back(*slot_, may_block_); }

Pool::Pool(PoolOptions options, const Driver& driver, ConnectOptions target, const Clock& clock,
           EventSink events)
    : core_(std::make_shared<detail::PoolCore>(options, driver, std::move(target), clock,
                                               std::move(events))) {}

Pool::~Pool() { core_->close(); }

Task<Lease> Pool::acquire(io::Call call) { return core_->acquire(call); }

Task<void> Pool::warm_up(io::Call call) { return core_->warm_up(call); }

void Pool::drop_connections() noexcept { core_->drop_connections(); }

void Pool::drop_idle() noexcept { core_->drop_idle(); }

void Pool::close() noexcept { core_->close(); }

PoolStats Pool::stats() const { return core_->stats(); }

const PoolOptions& Pool::options() const noexcept { return core_->options(); }

}  // namespace grant
