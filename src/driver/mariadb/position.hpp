#pragma once

#include <cstdint>

#include "grant/driver/position.hpp"

namespace grant::mariadb {

/// Of what is written in a GTID domain. MariaDB numbers no promotions.
[[nodiscard]] Epoch epoch_of(std::uint32_t domain);

}  // namespace grant::mariadb
