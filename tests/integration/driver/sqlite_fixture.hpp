#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>

#include "grant/core/error.hpp"
#include "grant/driver/sqlite/driver.hpp"
#include "support/error_of.hpp"
#include "support/eventually.hpp"
#include "support/temporary_directory.hpp"

namespace grant::test {

/// SQLite files in a directory of their own.
class SqliteTest : public ::testing::Test {
 protected:
  static io::Call call(Duration span = std::chrono::seconds(60)) {
    return io::Call(io::blocking_waiter(), after(Clock::system().now(), span));
  }

  [[nodiscard]] std::string path(std::string_view name) const {
    return (directory_.path() / name).string();
  }

  [[nodiscard]] std::string url(std::string_view name, std::string_view params = {}) const {
    return "sqlite:" + path(name) + (params.empty() ? "" : "?" + std::string(params));
  }

  static std::unique_ptr<Connection> connect(std::string_view url, Effect access = Effect::write) {
    ConnectOptions options;
    options.url = Url::parse(url);
    options.node = "test/node";
    options.access = access;
    return grant::run(sqlite::driver().connect(call(), std::move(options)));
  }

  static std::unique_ptr<Result> run(Connection& connection, std::string_view sql,
                                     std::initializer_list<ValueView> params = {},
                                     Duration span = std::chrono::seconds(60)) {
    Statement statement;
    statement.sql = sql;
    statement.params = {params.begin(), params.size()};
    return grant::run(connection.execute(call(span), statement));
  }

  static ValueView only_cell(const Result& rows) {
    EXPECT_EQ(rows.row_count(), 1U);
    return rows.row_count() == 1 ? rows.cell(0, 0) : ValueView{};
  }

  static std::int64_t number(Connection& connection, std::string_view sql) {
    const auto rows = run(connection, sql);
    const auto cell = only_cell(*rows);
    EXPECT_EQ(cell.kind(), ValueKind::integer);
    return cell.kind() == ValueKind::integer ? cell.as_integer() : -1;
  }

  static std::string text(Connection& connection, std::string_view sql) {
    const auto rows = run(connection, sql);
    const auto cell = only_cell(*rows);
    EXPECT_EQ(cell.kind(), ValueKind::text);
    return cell.kind() == ValueKind::text ? std::string(cell.as_characters()) : "";
  }

  static Observation probe(Connection& connection) { return grant::run(connection.probe(call())); }

 private:
  TemporaryDirectory directory_;
};

}  // namespace grant::test
