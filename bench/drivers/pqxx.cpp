#include <memory>
#include <pqxx/pqxx>
#include <pqxx/stream_from>
#include <pqxx/stream_to>
#include <tuple>
#include <vector>

#include "bench/drivers/implementations.hpp"
#include "bench/drivers/peers.hpp"
#include "grant/core/timestamp.hpp"

namespace grant::bench::pqxx {
namespace {

// libpqxx 6 has no type for a timestamp: it stays text here, both ways, which spares it some work.
using TextRow = RowWith<std::string>;

const std::vector<std::string>& columns() {
  static const std::vector<std::string> names{"id",    "quantity",   "name",
                                              "price", "created_at", "active"};
  return names;
}

std::unique_ptr<::pqxx::connection> connect() {
  return std::make_unique<::pqxx::connection>(postgres_server().url);
}

/// A connection that asks for rows, outside any transaction.
class Finder {
 public:
  Finder() : connection_(connect()) {
    connection_->prepare(
        "find",
        "SELECT id, quantity, name, price, created_at, active FROM bench_rows WHERE id = $1");
    transaction_ = std::make_unique<::pqxx::nontransaction>(*connection_);
  }

  TextRow operator()(std::int64_t id) {
    const ::pqxx::row row = transaction_->exec_prepared1("find", id);
    return {.id = row[0].as<std::int64_t>(),
            .quantity = row[1].as<std::int32_t>(),
            .name = row[2].as<std::string>(),
            .price = row[3].as<double>(),
            .created_at = row[4].as<std::string>(),
            .active = row[5].as<bool>()};
  }

 private:
  std::unique_ptr<::pqxx::connection> connection_;
  std::unique_ptr<::pqxx::nontransaction> transaction_;
};

void read_all(::pqxx::connection& connection, Sums& sums) {
  ::pqxx::work transaction(connection);
  // Without columns: given some, libpqxx 6.4 leaves a flag uninitialised and may fail on that.
  ::pqxx::stream_from stream(transaction, "bench_rows");
  std::tuple<std::int64_t, std::int32_t, std::string, double, std::string, bool> fields;
  while (stream >> fields) {
    auto& [id, quantity, name, price, created_at, active] = fields;
    const TextRow row{.id = id,
                      .quantity = quantity,
                      .name = std::move(name),
                      .price = price,
                      .created_at = std::move(created_at),
                      .active = active};
    sums.add(row);
    keep(row);
  }
  stream.complete();
  transaction.commit();
}

void write_all(::pqxx::connection& connection, const std::vector<TextRow>& rows) {
  ::pqxx::work transaction(connection);
  ::pqxx::stream_to stream(transaction, "bench_target", columns());
  for (const TextRow& row : rows) {
    stream << std::tie(row.id, row.quantity, row.name, row.price, row.created_at, row.active);
  }
  stream.complete();
  transaction.commit();
}

std::vector<TextRow> with_text(const Rows& rows) {
  std::vector<TextRow> copies;
  copies.reserve(rows.size());
  for (const Row& row : rows) {
    copies.push_back({.id = row.id,
                      .quantity = row.quantity,
                      .name = row.name,
                      .price = row.price,
                      .created_at = format_timestamp(row.created_at) + "+00",
                      .active = row.active});
  }
  return copies;
}

}  // namespace

Implementation find() {
  return finding("libpqxx 6, exec_prepared", [] { return Finder(); });
}

Implementation find_at_once() {
  return finding_at_once("libpqxx 6, exec_prepared", [] { return Finder(); });
}

Implementation read_stream() {
  return reading("libpqxx 6, stream_from", [] {
    return [connection = connect()](Sums& sums) { read_all(*connection, sums); };
  });
}

Implementation insert_stream() {
  return inserting("libpqxx 6, stream_to", [](const Rows& rows) {
    return [connection = connect(), rows = with_text(rows)] { write_all(*connection, rows); };
  });
}

}  // namespace grant::bench::pqxx
