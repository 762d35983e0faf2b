#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <future>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "grant/core/error.hpp"
#include "grant/driver/driver.hpp"
#include "grant/io/task.hpp"
#include "support/error_of.hpp"
#include "support/eventually.hpp"
#include "support/hung.hpp"

namespace grant::test {

io::Call within(Duration limit);

/// With the registered driver for `url`; errors name the node "primary/test".
std::unique_ptr<Connection> connect_to(const std::string& url, Duration limit = kPatience);

ErrorInfo connect_error(const std::string& url, Duration limit = kPatience);

/// Runs one statement; a write, unless said otherwise.
std::unique_ptr<Result> exec(Connection& connection, std::string_view sql,
                             std::vector<ValueView> params = {}, Effect effect = Effect::write,
                             Duration limit = kPatience);

ErrorInfo exec_error(Connection& connection, std::string_view sql,
                     std::vector<ValueView> params = {}, Effect effect = Effect::write,
                     Duration limit = kPatience);
ErrorInfo exec_error(Connection& connection, std::string_view sql, Effect effect,
                     Duration limit = kPatience);

/// How many sessions of the application are running `sql`, which sleeps, on the primary. Each
/// engine's program has its own.
int running(std::string_view sql);

/// Runs `sql` on a thread, and `action` once the server is busy with it.
template <class Action>
ErrorInfo error_when(Connection& connection, const std::string& sql, Effect effect,
                     const Action& action) {
  auto error = std::async(std::launch::async, [&] { return exec_error(connection, sql, effect); });
  EXPECT_TRUE(eventually([&] { return running(sql) == 1; }));
  action();
  return error.get();
}

/// The cell's characters, or a number as text; "null"; "{a;b;}" for an array.
std::string text_of(ValueView value);

/// text_of() the first cell.
std::string first(Connection& connection, std::string_view sql, std::vector<ValueView> params = {});

}  // namespace grant::test
