#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "grant/driver/driver.hpp"
#include "grant/testing/simulation.hpp"

namespace grant::test {

/// One server of a simulated cluster. It has a log, of which it knows the length.
struct SimulatedServer {
  std::string name{};
  NodeKind kind{};
  std::uint64_t branch = 1;
  std::uint64_t position = 0;
  bool up = true;
  bool replicates = true;     ///< Takes in what the primary writes, a moment later.
  std::uint64_t crashes = 0;  ///< Connections from before the last one are lost.
  std::size_t open = 0;       ///< Connections to it.
};

/// Servers in virtual time: "WRITE" makes the log longer, and both that and "READ" give the
/// server's position. Each answer takes some time; what is under way when a server crashes is lost.
class SimulatedServers final : public Driver {
 public:
  explicit SimulatedServers(testing::Simulation& simulation) : simulation_(simulation) {}

  SimulatedServer& add(const std::string& name, NodeKind kind);
  [[nodiscard]] SimulatedServer& server(const std::string& name) { return *servers_.at(name); }

  void crash(const std::string& name);
  /// As a replica that has all that the primary has.
  void come_back(const std::string& name);
  /// Begins a new branch of the history with what it has.
  void promote(const std::string& name);

  /// How often some server became the primary.
  [[nodiscard]] std::uint64_t promotions() const noexcept { return promotions_; }

  [[nodiscard]] Adapter adapter() const noexcept override { return Adapter::mariadb; }
  void validate(const Url& /*url*/) const override {}
  Task<std::unique_ptr<Connection>> connect(io::Call call, ConnectOptions options) const override;

 private:
  friend class SimulatedConnection;

  [[nodiscard]] Duration up_to(Duration most) const;
  void replicate(const SimulatedServer& primary);

  testing::Simulation& simulation_;
  std::map<std::string, std::shared_ptr<SimulatedServer>> servers_;
  std::uint64_t promotions_ = 0;
};

}  // namespace grant::test
