#pragma once

#include <memory>
#include <string_view>

#include "bench/servers.hpp"
#include "grant/driver/driver.hpp"

namespace grant::bench {

[[nodiscard]] std::unique_ptr<Connection> connect(const Server& server);

std::unique_ptr<Result> execute(Connection& connection, std::string_view sql);

}  // namespace grant::bench
