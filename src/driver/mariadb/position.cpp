// Where the log stands after a write, which the server tells with its answer.
#include "position.hpp"

#include <fmt/format.h>

#include "connection.hpp"

namespace grant::mariadb {

Epoch epoch_of(std::uint32_t domain) { return {fmt::format("gtid domain {}", domain), 0}; }

std::optional<Position> MariadbConnection::last_position() const {
  auto told = GtidSet::parse(position_);
  if (!told) return std::nullopt;
  auto epoch = epoch_of(told->last().front().domain);
  return Position{std::move(epoch), *std::move(told)};
}

}  // namespace grant::mariadb
