#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "grant/cluster/cluster.hpp"
#include "grant/registry/registry.hpp"
#include "grant/session/session.hpp"
#include "grant/testing/fake_clock.hpp"
#include "support/memory_driver.hpp"
#include "unit/pool/pool_fixture.hpp"

namespace grant::test {

/// Scripted servers behind the URLs "mariadb://HOST/db", for a registry to find.
struct Servers {
  Servers() { register_driver(driver); }

  /// Host `name` answers as this.
  MemoryServer& is(const std::string& name, NodeKind kind, std::uint64_t position = 100,
                   std::uint64_t branch = 1) const {
    auto& server = driver.server(name);
    server.observe(observed(kind, position, branch));
    return server;
  }

  [[nodiscard]] RegistryOptions options() {
    return {clock, [this](const Event& event) { events.add(to_string(event)); }};
  }

  MemoryDriver driver;
  testing::FakeClock clock;
  Log events;
};

/// A database that is probed only when asked for, and opens nothing ahead of need. `writer` and
/// `readers` are host names.
inline ConnectionSpec spec(const std::string& writer,
                           const std::vector<std::string>& readers = {}) {
  ConnectionSpec spec;
  if (!writer.empty()) spec.writer = "mariadb://" + writer + "/db";
  for (const auto& reader : readers) spec.readers.emplace_back("mariadb://" + reader + "/db");
  spec.health_check.interval = std::chrono::hours(1);
  spec.health_check.recheck_interval = std::chrono::hours(1);
  spec.health_check.timeout = std::chrono::minutes(1);
  spec.pool.initial_size = 0;
  spec.pool.retry_attempts = 0;
  return spec;
}

}  // namespace grant::test
