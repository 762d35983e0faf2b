#include "simulation/simulated_servers.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "grant/core/error.hpp"
#include "support/memory_driver.hpp"

namespace grant::test {

using namespace std::chrono_literals;

class SimulatedConnection final : public Connection {
 public:
  SimulatedConnection(SimulatedServers& servers, std::shared_ptr<SimulatedServer> server,
                      std::string node)
      : servers_(servers),
        server_(std::move(server)),
        node_(std::move(node)),
        crashes_(server_->crashes) {
    ++server_->open;
  }
  ~SimulatedConnection() override { --server_->open; }

  Task<std::unique_ptr<Result>> execute(io::Call call, Statement statement) override {
    const bool write = statement.effect == Effect::write;
    co_await answer(call, write ? Errc::outcome_unknown : Errc::unavailable);
    if (write) {
      if (server_->kind != NodeKind::primary) fail(Errc::read_only, "is a replica");
      ++server_->position;
      servers_.replicate(*server_);
    }
    co_return rows({"position"},
                   {{Value(ValueView::integer(static_cast<std::int64_t>(server_->position)))}});
  }
  Task<void> begin(io::Call call, TransactionOptions /*options*/) override {
    return answer(call, Errc::unavailable);
  }
  Task<void> commit(io::Call call) override { return answer(call, Errc::outcome_unknown); }
  Task<void> rollback(io::Call call) override { return answer(call, Errc::unavailable); }

  Task<Observation> probe(io::Call call) override {
    co_await answer(call, Errc::unavailable);
    co_return observed(server_->kind, server_->position, server_->branch);
  }

  [[nodiscard]] TransactionState transaction_state() const noexcept override {
    return TransactionState::none;
  }
  [[nodiscard]] bool is_open() const noexcept override { return open_; }
  [[nodiscard]] NodeKind kind_hint() const noexcept override { return NodeKind::unknown; }

 private:
  /// `lost`: what it is when the server crashes meanwhile.
  Task<void> answer(io::Call call, Errc lost) {
    const auto deadline = call.deadline();
    if (crashes_ != server_->crashes) {
      open_ = false;
      fail(Errc::unavailable, "the connection was lost");
    }
    const auto outcome = co_await call.sleep_until(after(call.now(), servers_.up_to(4ms)));
    if (crashes_ != server_->crashes) {
      open_ = false;
      fail(lost, "the connection was lost");
    }
    if (outcome == io::Outcome::cancelled || call.now() >= deadline) {
      open_ = false;
      fail(outcome == io::Outcome::cancelled ? Errc::cancelled : Errc::timeout, "no answer");
    }
  }

  [[noreturn]] void fail(Errc code, std::string_view what) const {
    ErrorInfo info;
    info.code = code;
    info.node = node_;
    info.message = fmt::format("node \"{}\": {}", node_, what);
    throw_error(std::move(info));
  }

  SimulatedServers& servers_;
  const std::shared_ptr<SimulatedServer> server_;
  const std::string node_;
  const std::uint64_t crashes_;
  bool open_ = true;
};

SimulatedServer& SimulatedServers::add(const std::string& name, NodeKind kind) {
  auto& server = servers_[name];
  server = std::make_shared<SimulatedServer>();
  server->name = name;
  server->kind = kind;
  return *server;
}

void SimulatedServers::crash(const std::string& name) {
  auto& crashed = server(name);
  crashed.up = false;
  ++crashed.crashes;
}

void SimulatedServers::come_back(const std::string& name) {
  auto& back = server(name);
  back.up = true;
  back.kind = NodeKind::replica;
  for (const auto& [other, primary] : servers_) {
    if (!primary->up || primary->kind != NodeKind::primary) continue;
    back.branch = primary->branch;
    back.position = primary->position;
  }
}

void SimulatedServers::promote(const std::string& name) {
  ++promotions_;
  auto& promoted = server(name);
  promoted.kind = NodeKind::primary;
  ++promoted.branch;
  for (const auto& [other, replica] : servers_) {
    if (replica->kind != NodeKind::replica || !replica->up) continue;
    replica->branch = promoted.branch;
    replica->position = std::min(replica->position, promoted.position);
  }
}

Duration SimulatedServers::up_to(Duration most) const {
  return Duration(static_cast<Duration::rep>(simulation_.random_bits() %
                                             static_cast<std::uint64_t>(most.count())));
}

void SimulatedServers::replicate(const SimulatedServer& primary) {
  for (const auto& [name, server] : servers_) {
    if (server->kind != NodeKind::replica) continue;
    simulation_.call_at(after(simulation_.now(), up_to(50ms)),
                        [replica = server, branch = primary.branch, position = primary.position] {
                          if (!replica->up || !replica->replicates || replica->branch != branch) {
                            return;
                          }
                          replica->position = std::max(replica->position, position);
                        });
  }
}

Task<std::unique_ptr<Connection>> SimulatedServers::connect(io::Call call,
                                                            ConnectOptions options) const {
  const auto server = servers_.at(options.url.host);
  co_await call.sleep_until(after(call.now(), 1ms + up_to(5ms)));
  if (!server->up) {
    ErrorInfo info;
    info.code = Errc::unavailable;
    info.node = options.node;
    info.message = fmt::format("node \"{}\": refused", options.node);
    throw_error(std::move(info));
  }
  co_return std::make_unique<SimulatedConnection>(const_cast<SimulatedServers&>(*this), server,
                                                  options.node);
}

}  // namespace grant::test
