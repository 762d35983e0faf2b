#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "grant/core/error.hpp"
#include "grant/driver/driver.hpp"
#include "grant/io/task.hpp"
#include "support/error_of.hpp"
#include "support/hung.hpp"

namespace grant::test {

/// Long enough for anything that is not supposed to fail.
inline constexpr auto kPatience = std::chrono::seconds(20);

io::Call within(Duration limit);

/// With the registered driver for `url`; errors name the node "primary/test".
std::unique_ptr<Connection> connect_to(const std::string& url, Duration limit = kPatience);

/// Runs one statement; a write, unless said otherwise.
std::unique_ptr<Result> exec(Connection& connection, std::string_view sql,
                             std::vector<ValueView> params = {}, Effect effect = Effect::write,
                             Duration limit = kPatience);

ErrorInfo exec_error(Connection& connection, std::string_view sql,
                     std::vector<ValueView> params = {}, Effect effect = Effect::write,
                     Duration limit = kPatience);

/// The cell's characters, or a number as text; "null"; "{a;b;}" for an array.
std::string text_of(ValueView value);

/// text_of() the first cell.
std::string first(Connection& connection, std::string_view sql, std::vector<ValueView> params = {});

}  // namespace grant::test
