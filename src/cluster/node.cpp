#include "grant/cluster/node.hpp"

#include <fmt/format.h>

#include <utility>

namespace grant {

Node::Node(Role role, const Driver& driver, ConnectOptions target, PoolOptions pool,
           const Clock& clock, EventSink events)
    : role_(role),
      driver_(driver),
      target_(std::move(target)),
      pool_(pool, driver, target_, clock, std::move(events)) {}

std::string Node::pool_url() const {
  auto url = target_.url;
  const auto add = [&url](std::string name, std::string value) {
    url.params.emplace_back(std::move(name), std::move(value));
  };
  const auto& pool = pool_.options();
  add("max_pool_size", fmt::format("{}", pool.max_size));
  add("initial_pool_size", fmt::format("{}", pool.initial_size));
  add("checkout_timeout", fmt::format("{}ms", pool.checkout_timeout.count()));
  add("retry_attempts", fmt::format("{}", pool.retry_attempts));
  add("retry_delay", fmt::format("{}ms", pool.retry_delay.count()));
  return url.to_string();
}

}  // namespace grant
