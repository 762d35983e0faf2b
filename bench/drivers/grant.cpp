#include <array>
#include <memory>

#include "bench/drivers/grant.hpp"
#include "bench/drivers/implementations.hpp"
#include "bench/drivers/peers.hpp"

namespace grant::bench {

std::unique_ptr<Connection> connect(const Server& server) {
  const Url url = Url::parse(server.url);
  return run(find_driver(url.adapter)
                 .connect(io::Call(io::blocking_waiter()), {.url = url, .node = "bench"}));
}

std::unique_ptr<Result> execute(Connection& connection, std::string_view sql) {
  return run(connection.execute(io::Call(io::blocking_waiter()), {.sql = sql}));
}

}  // namespace grant::bench

namespace grant::bench::driver {
namespace {

constexpr std::string_view kFind =
    "SELECT id, quantity, name, price, created_at, active FROM bench_rows WHERE id = $1";

Row row_from(const Result& result, std::size_t row) {
  return {.id = result.cell(row, 0).as_integer(),
          .quantity = static_cast<std::int32_t>(result.cell(row, 1).as_integer()),
          .name = std::string(result.cell(row, 2).as_characters()),
          .price = result.cell(row, 3).as_real(),
          .created_at = result.cell(row, 4).as_timestamp(),
          .active = result.cell(row, 5).as_boolean()};
}

auto finder(FindServer server) {
  return [connection = connect(server())](std::int64_t id) {
    const std::array params{ValueView::integer(id)};
    const auto result = run(connection->execute(
        io::Call(io::blocking_waiter()), {.sql = kFind, .params = params, .effect = Effect::read}));
    return row_from(*result, 0);
  };
}

}  // namespace

Implementation find(FindServer server) {
  return finding("grant::Connection::execute", [server] { return finder(server); });
}

Implementation find_at_once(FindServer server) {
  return finding_at_once("grant::Connection::execute", [server] { return finder(server); });
}

}  // namespace grant::bench::driver
