#include "bench/soci.hpp"

#include <cstddef>
#include <memory>

#include "bench/pool/load.hpp"
#include "bench/pool/peers.hpp"

// SOCI's pool does not look at what it lends, so its sessions need not be connected to anything.
namespace grant::bench::soci {

Implementation lease(const Load& load) {
  return leasing("SOCI, lease", load, [](std::size_t connections) {
    return [pool = std::make_shared<::soci::connection_pool>(connections)](auto&& use) {
      const std::size_t position = pool->lease();
      use();
      pool->give_back(position);
    };
  });
}

Implementation session(const Load& load) {
  return leasing("SOCI, session", load, [](std::size_t connections) {
    return [pool = std::make_shared<::soci::connection_pool>(connections)](auto&& use) {
      const ::soci::session session(*pool);
      use();
    };
  });
}

}  // namespace grant::bench::soci
