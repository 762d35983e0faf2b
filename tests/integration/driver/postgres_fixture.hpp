#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "grant/core/error.hpp"
#include "grant/driver/postgres/driver.hpp"
#include "grant/io/task.hpp"
#include "support/error_of.hpp"
#include "support/hung.hpp"
#include "support/postgres_cluster.hpp"

namespace grant::test {

/// The cluster that the program's tests share: a primary and one replica. A test that takes a node
/// down brings it back.
PostgresCluster& cluster();

/// Long enough for anything that is not supposed to fail.
inline constexpr auto kPatience = std::chrono::seconds(20);

io::Call within(Duration limit);

std::unique_ptr<Connection> connect_to(const std::string& url, Duration limit = kPatience);
inline std::unique_ptr<Connection> connect_to(int node) { return connect_to(cluster().url(node)); }

/// Runs one statement; a write, unless said otherwise.
std::unique_ptr<Result> exec(Connection& connection, std::string_view sql,
                             std::vector<ValueView> params = {}, Effect effect = Effect::write,
                             Duration limit = kPatience);

/// The first cell's characters, or a number as text; "null".
std::string text_of(ValueView value);
std::string first(Connection& connection, std::string_view sql, std::vector<ValueView> params = {});

/// Asks until `sql` gives `expected` on the primary.
void await(Connection& connection, std::string_view sql, std::string_view expected);

}  // namespace grant::test
