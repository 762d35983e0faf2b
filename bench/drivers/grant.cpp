#include <algorithm>
#include <array>
#include <memory>
#include <span>
#include <stdexcept>
#include <vector>

#include "bench/drivers/grant.hpp"
#include "bench/drivers/implementations.hpp"
#include "bench/drivers/peers.hpp"
#include "grant/core/error.hpp"

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

constexpr std::string_view kRead =
    "SELECT id, quantity, name, price, created_at, active FROM bench_rows";

constexpr std::array<std::string_view, 6> kColumns{"id",    "quantity",   "name",
                                                   "price", "created_at", "active"};
using Cells = std::array<ValueView, kColumns.size()>;

io::Call call() { return io::Call(io::blocking_waiter()); }

Row row_from(const Result& result, std::size_t row) {
  Cells cells;
  result.row(row, cells);
  return {.id = cells[0].as_integer(),
          .quantity = static_cast<std::int32_t>(cells[1].as_integer()),
          .name = std::string(cells[2].as_characters()),
          .price = cells[3].as_real(),
          .created_at = cells[4].as_timestamp(),
          .active = cells[5].as_boolean()};
}

Cells cells_of(const Row& row) {
  return {ValueView::integer(row.id),
          ValueView::integer(row.quantity),
          ValueView::text(row.name),
          ValueView::real(row.price),
          ValueView::timestamp(row.created_at),
          ValueView::boolean(row.active)};
}

auto finder(FindServer server) {
  return [connection = connect(server())](std::int64_t id) {
    const std::array params{ValueView::integer(id)};
    const auto result =
        run(connection->execute(call(), {.sql = kFind, .params = params, .effect = Effect::read}));
    return row_from(*result, 0);
  };
}

std::vector<Row> find_rows(Connection& connection, const std::vector<std::int64_t>& ids) {
  std::vector<ValueView> params;
  params.reserve(ids.size());
  for (const std::int64_t id : ids) params.push_back(ValueView::integer(id));
  std::vector<Statement> statements;
  statements.reserve(ids.size());
  for (const ValueView& param : params) {
    statements.push_back({.sql = kFind, .params = {&param, 1}, .effect = Effect::read});
  }
  const auto answers = run(connection.pipeline(call(), statements));
  std::vector<Row> rows;
  rows.reserve(ids.size());
  for (const Answer& answer : answers) {
    if (answer.error) throw_error(*answer.error);
    rows.push_back(row_from(*answer.result, 0));
  }
  return rows;
}

void read_all(Connection& connection, Sums& sums) {
  const auto stream =
      run(connection.stream(call(), {.sql = kRead, .effect = Effect::read}, StreamOptions{}));
  while (const Result* chunk = run(stream->next(call()))) {
    for (std::size_t i = 0; i < chunk->row_count(); ++i) {
      const Row row = row_from(*chunk, i);
      sums.add(row);
      keep(row);
    }
  }
}

class Source final : public RowSource {
 public:
  explicit Source(const Rows& rows) : next_(rows.begin()), end_(rows.end()) {}

  bool next(std::span<ValueView> row) override {
    if (next_ == end_) return false;
    std::ranges::copy(cells_of(*next_++), row.begin());
    return true;
  }

 private:
  Rows::const_iterator next_;
  Rows::const_iterator end_;
};

void load_all(Connection& connection, const Rows& rows) {
  Source source(rows);
  const auto loaded =
      run(connection.load(call(), {.table = "bench_target", .columns = kColumns}, source));
  if (loaded != rows.size()) throw std::runtime_error("not all rows were loaded");
}

/// As many rows as one statement takes, an array for each column.
constexpr std::size_t kArray = 10'000;

void insert_arrays_of(Connection& connection, std::span<const Row> rows) {
  std::array<std::vector<ValueView>, kColumns.size()> columns;
  for (auto& column : columns) column.reserve(rows.size());
  for (const Row& row : rows) {
    const Cells cells = cells_of(row);
    for (std::size_t i = 0; i < cells.size(); ++i) columns[i].push_back(cells[i]);
  }
  Cells params;
  for (std::size_t i = 0; i < params.size(); ++i) params[i] = ValueView::array(columns[i]);
  run(connection.execute(
      call(), {.sql = "INSERT INTO bench_target (id, quantity, name, price, created_at, active) "
                      "SELECT * FROM unnest($1::bigint[], $2::integer[], $3::text[], "
                      "$4::double precision[], $5::timestamptz[], $6::boolean[])",
               .params = params}));
}

}  // namespace

Implementation find(FindServer server) {
  return finding("grant::Connection::execute", [server] { return finder(server); });
}

Implementation find_in_pipeline(FindServer server) {
  return finding_many("grant::Connection::pipeline", [server] {
    return [connection = connect(server())](const std::vector<std::int64_t>& ids) {
      return find_rows(*connection, ids);
    };
  });
}

Implementation read(FindServer server) {
  return reading("grant::Connection::stream", [server] {
    return [connection = connect(server())](Sums& sums) { read_all(*connection, sums); };
  });
}

Implementation insert_load(FindServer server) {
  return inserting("grant::Connection::load", [server](const Rows& rows) {
    return [connection = connect(server()), &rows] { load_all(*connection, rows); };
  });
}

Implementation insert_arrays(FindServer server) {
  return inserting("grant::Connection::execute, arrays", [server](const Rows& rows) {
    return [connection = connect(server()), &rows] {
      run(connection->begin(call(), {}));
      for (std::size_t done = 0; done < rows.size(); done += kArray) {
        insert_arrays_of(*connection,
                         std::span(rows).subspan(done, std::min(kArray, rows.size() - done)));
      }
      run(connection->commit(call()));
    };
  });
}

Implementation find_at_once(FindServer server) {
  return finding_at_once("grant::Connection::execute", [server] { return finder(server); });
}

}  // namespace grant::bench::driver
