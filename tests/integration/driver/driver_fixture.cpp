#include "integration/driver/driver_fixture.hpp"

#include <fmt/format.h>

#include <utility>

#include "grant/core/codec.hpp"
#include "grant/core/timestamp.hpp"

namespace grant::test {

io::Call within(Duration limit) {
  return io::Call(io::blocking_waiter(), Clock::system().now() + limit);
}

std::unique_ptr<Connection> connect_to(const std::string& url, Duration limit) {
  ConnectOptions options;
  options.url = Url::parse(url);
  options.node = "primary/test";
  const Driver& driver = find_driver(options.url.adapter);
  return run(driver.connect(within(limit), std::move(options)));
}

ErrorInfo connect_error(const std::string& url, Duration limit) {
  return error_of([&] { connect_to(url, limit); });
}

std::unique_ptr<Result> exec(Connection& connection, std::string_view sql,
                             std::vector<ValueView> params, Effect effect, Duration limit) {
  const Statement statement{sql, params, effect};
  return run(connection.execute(within(limit), statement));
}

ErrorInfo exec_error(Connection& connection, std::string_view sql, std::vector<ValueView> params,
                     Effect effect, Duration limit) {
  return error_of([&] { return exec(connection, sql, std::move(params), effect, limit); });
}

ErrorInfo exec_error(Connection& connection, std::string_view sql, Effect effect, Duration limit) {
  return exec_error(connection, sql, {}, effect, limit);
}

std::string text_of(ValueView value) {
  switch (value.kind()) {
    case ValueKind::null: return "null";
    case ValueKind::boolean: return value.as_boolean() ? "true" : "false";
    case ValueKind::integer: return fmt::format("{}", value.as_integer());
    case ValueKind::real: return fmt::format("{}", value.as_real());
    case ValueKind::unsigned_integer: return fmt::format("{}", value.as_unsigned_integer());
    case ValueKind::timestamp: return format_timestamp(value.as_timestamp());
    case ValueKind::array: {
      std::string all = "{";
      for (const auto& element : value.as_array()) all += text_of(element) + ";";
      return all + "}";
    }
    case ValueKind::bytes: return std::string(value.as_characters());
    default: return Codec<std::string>::decode(value);
  }
}

std::string first(Connection& connection, std::string_view sql, std::vector<ValueView> params) {
  return text_of(exec(connection, sql, std::move(params))->cell(0, 0));
}

}  // namespace grant::test
