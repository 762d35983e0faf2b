#include "bench/libpq.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <span>
#include <vector>

#include "bench/drivers/implementations.hpp"
#include "bench/drivers/peers.hpp"

namespace grant::bench::libpq {
namespace {

constexpr int kBinary = 1;
constexpr int kColumns = 6;

constexpr const char* kFind =
    "SELECT id, quantity, name, price, created_at, active FROM bench_rows WHERE id = $1";
constexpr const char* kRead =
    "SELECT id, quantity, name, price, created_at, active FROM bench_rows";
constexpr const char* kTarget = "bench_target (id, quantity, name, price, created_at, active)";

// bigint, integer, text, double precision, timestamptz, boolean
constexpr std::array<Oid, kColumns> kTypes{20, 23, 25, 701, 1184, 16};

Connection connect() { return libpq::connect(postgres_server().url); }

void prepare(PGconn* connection, const std::string& sql, std::span<const Oid> types) {
  const Result result(::PQprepare(connection, "statement", sql.c_str(),
                                  static_cast<int>(types.size()), types.data()));
  expect(result, PGRES_COMMAND_OK, connection);
}

/// What `run` does, as one transaction.
template <class Run>
void in_transaction(PGconn* connection, Run run) {
  libpq::run(connection, "BEGIN");
  run();
  libpq::run(connection, "COMMIT");
}

Row row_from(const PGresult* result, int row) {
  return {.id = int64_from(::PQgetvalue(result, row, 0)),
          .quantity = int32_from(::PQgetvalue(result, row, 1)),
          .name = std::string(bytes_of(result, row, 2)),
          .price = double_from(::PQgetvalue(result, row, 3)),
          .created_at = timestamp_from(::PQgetvalue(result, row, 4)),
          .active = *::PQgetvalue(result, row, 5) != 0};
}

/// One row's values, in the binary form that statements take.
class Parameters {
 public:
  static constexpr std::array<int, kColumns> kFormats{1, 1, 1, 1, 1, 1};

  void set(const Row& row) {
    put_int64(id_.data(), row.id);
    put_int32(quantity_.data(), row.quantity);
    put_double(price_.data(), row.price);
    put_timestamp(created_at_.data(), row.created_at);
    active_ = row.active ? '\1' : '\0';
    values_ = {id_.data(),    quantity_.data(),   row.name.data(),
               price_.data(), created_at_.data(), &active_};
    lengths_ = {8, 4, static_cast<int>(row.name.size()), 8, 8, 1};
  }

  [[nodiscard]] const char* const* values() const noexcept { return values_.data(); }
  [[nodiscard]] const int* lengths() const noexcept { return lengths_.data(); }

 private:
  std::array<char, 8> id_{};
  std::array<char, 4> quantity_{};
  std::array<char, 8> price_{};
  std::array<char, 8> created_at_{};
  char active_{};
  std::array<const char*, kColumns> values_{};
  std::array<int, kColumns> lengths_{};
};

// --- Finding

Connection connect_to_find() {
  Connection connection = connect();
  prepare(connection.get(), kFind, std::span(kTypes).first(1));
  return connection;
}

/// The one parameter of kFind.
struct Id {
  explicit Id(std::int64_t id) { put_int64(bytes.data(), id); }

  std::array<char, 8> bytes{};
  std::array<const char*, 1> values{bytes.data()};
  std::array<int, 1> lengths{8};
  std::array<int, 1> formats{kBinary};
};

Row find_row(PGconn* connection, std::int64_t id) {
  const Id parameter(id);
  const Result result(::PQexecPrepared(connection, "statement", 1, parameter.values.data(),
                                       parameter.lengths.data(), parameter.formats.data(),
                                       kBinary));
  expect(result, PGRES_TUPLES_OK, connection);
  return row_from(result.get(), 0);
}

auto finder() {
  return
      [connection = connect_to_find()](std::int64_t id) { return find_row(connection.get(), id); };
}

/// The results of a pipeline in blocking mode: a statement's, and the null that ends them.
Result next_result(PGconn* connection) {
  Result result(::PQgetResult(connection));
  const Result end(::PQgetResult(connection));
  expect(end == nullptr, connection);
  return result;
}

void expect_sync(PGconn* connection) {
  const Result sync(::PQgetResult(connection));
  expect(sync, PGRES_PIPELINE_SYNC, connection);
}

std::vector<Row> find_rows(PGconn* connection, const std::vector<std::int64_t>& ids) {
  for (const std::int64_t id : ids) {
    const Id parameter(id);
    expect(::PQsendQueryPrepared(connection, "statement", 1, parameter.values.data(),
                                 parameter.lengths.data(), parameter.formats.data(), kBinary) == 1,
           connection);
  }
  expect(::PQpipelineSync(connection) == 1, connection);
  std::vector<Row> rows;
  rows.reserve(ids.size());
  for (std::size_t i = 0; i < ids.size(); ++i) {
    const Result result = next_result(connection);
    expect(result, PGRES_TUPLES_OK, connection);
    rows.push_back(row_from(result.get(), 0));
  }
  expect_sync(connection);
  return rows;
}

// --- Reading

void read_by_single_rows(PGconn* connection, Sums& sums) {
  expect(
      ::PQsendQueryParams(connection, kRead, 0, nullptr, nullptr, nullptr, nullptr, kBinary) == 1,
      connection);
  expect(::PQsetSingleRowMode(connection) == 1, connection);
  while (true) {
    const Result result(::PQgetResult(connection));
    if (!result) return;
    if (::PQresultStatus(result.get()) == PGRES_TUPLES_OK) continue;
    expect(result, PGRES_SINGLE_TUPLE, connection);
    const Row row = row_from(result.get(), 0);
    sums.add(row);
    keep(row);
  }
}

/// Goes through the fields of a row in COPY's binary format.
class CopyFields {
 public:
  explicit CopyFields(const char* at) : at_(at) {}

  std::string_view next() {
    const std::int32_t size = int32_from(at_);
    const std::string_view field(at_ + 4, static_cast<std::size_t>(size));
    at_ += 4 + size;
    return field;
  }

 private:
  const char* at_;
};

struct FreeMemory {
  void operator()(char* memory) const noexcept { ::PQfreemem(memory); }
};

void read_by_copy(PGconn* connection, Sums& sums) {
  constexpr std::size_t kHeader = 19;
  {
    const Result result(
        ::PQexec(connection, fmt::format("COPY ({}) TO STDOUT (FORMAT binary)", kRead).c_str()));
    expect(result, PGRES_COPY_OUT, connection);
  }
  for (bool first = true;; first = false) {
    char* data = nullptr;
    const int size = ::PQgetCopyData(connection, &data, 0);
    const std::unique_ptr<char, FreeMemory> owner(data);
    if (size < 0) break;
    // The first row comes with the header.
    const char* const start = data + (first ? kHeader : 0);
    if (int16_from(start) < 0) continue;  // the trailer
    CopyFields fields(start + 2);
    Row row;
    row.id = int64_from(fields.next().data());
    row.quantity = int32_from(fields.next().data());
    row.name = fields.next();
    row.price = double_from(fields.next().data());
    row.created_at = timestamp_from(fields.next().data());
    row.active = *fields.next().data() != 0;
    sums.add(row);
    keep(row);
  }
  while (const Result result{::PQgetResult(connection)}) {
    expect(result, PGRES_COMMAND_OK, connection);
  }
}

// --- Inserting

/// Rows in COPY's binary format, sent in pieces.
void write_by_copy(PGconn* connection, const Rows& rows) {
  constexpr std::string_view kHeader{"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0", 19};
  constexpr std::size_t kPiece = std::size_t{64} * 1024;
  constexpr std::size_t kFixed = 2 + kColumns * 4 + 8 + 4 + 8 + 8 + 1;
  {
    const Result result(
        ::PQexec(connection, fmt::format("COPY {} FROM STDIN (FORMAT binary)", kTarget).c_str()));
    expect(result, PGRES_COPY_IN, connection);
  }
  const auto send = [connection](const char* data, std::size_t size) {
    expect(::PQputCopyData(connection, data, static_cast<int>(size)) == 1, connection);
  };
  send(kHeader.data(), kHeader.size());
  std::vector<char> piece(kPiece);
  char* at = piece.data();
  for (const Row& row : rows) {
    const auto used = static_cast<std::size_t>(at - piece.data());
    if (piece.size() - used < kFixed + row.name.size()) {
      send(piece.data(), used);
      if (piece.size() < kFixed + row.name.size()) piece.resize(kFixed + row.name.size());
      at = piece.data();
    }
    at = put_int16(at, kColumns);
    at = put_int64(put_int32(at, 8), row.id);
    at = put_int32(put_int32(at, 4), row.quantity);
    at = put_int32(at, static_cast<std::int32_t>(row.name.size()));
    at = std::copy(row.name.begin(), row.name.end(), at);
    at = put_double(put_int32(at, 8), row.price);
    at = put_timestamp(put_int32(at, 8), row.created_at);
    at = put_int32(at, 1);
    *at++ = row.active ? '\1' : '\0';
  }
  send(piece.data(), static_cast<std::size_t>(at - piece.data()));
  std::array<char, 2> trailer{};
  put_int16(trailer.data(), -1);
  send(trailer.data(), trailer.size());
  expect(::PQputCopyEnd(connection, nullptr) == 1, connection);
  while (const Result result{::PQgetResult(connection)}) {
    expect(result, PGRES_COMMAND_OK, connection);
  }
}

/// A one-dimensional array in its binary form.
class Array {
 public:
  Array(Oid type, std::size_t size) {
    const auto number = [this](std::int32_t value) { put_int32(room(4), value); };
    number(1);  // dimension
    number(0);  // without nulls
    number(static_cast<std::int32_t>(type));
    number(static_cast<std::int32_t>(size));
    number(1);  // the first index
  }

  /// Where to put an element of `size` bytes.
  char* add(std::size_t size) { return put_int32(room(4 + size), static_cast<std::int32_t>(size)); }

  [[nodiscard]] const std::vector<char>& bytes() const noexcept { return bytes_; }

 private:
  char* room(std::size_t size) {
    bytes_.resize(bytes_.size() + size);
    return bytes_.data() + bytes_.size() - size;
  }

  std::vector<char> bytes_;
};

void write_arrays(PGconn* connection, std::span<const Row> rows) {
  std::vector<Array> arrays;
  arrays.reserve(kColumns);
  for (const Oid type : kTypes) arrays.emplace_back(type, rows.size());
  for (const Row& row : rows) {
    put_int64(arrays[0].add(8), row.id);
    put_int32(arrays[1].add(4), row.quantity);
    std::copy(row.name.begin(), row.name.end(), arrays[2].add(row.name.size()));
    put_double(arrays[3].add(8), row.price);
    put_timestamp(arrays[4].add(8), row.created_at);
    *arrays[5].add(1) = row.active ? '\1' : '\0';
  }
  std::array<const char*, kColumns> values{};
  std::array<int, kColumns> lengths{};
  for (std::size_t i = 0; i < arrays.size(); ++i) {
    values[i] = arrays[i].bytes().data();
    lengths[i] = static_cast<int>(arrays[i].bytes().size());
  }
  const Result result(::PQexecPrepared(connection, "statement", kColumns, values.data(),
                                       lengths.data(), Parameters::kFormats.data(), kBinary));
  expect(result, PGRES_COMMAND_OK, connection);
}

/// Calls `write` with up to `size` rows at a time.
template <class Write>
void in_batches(const Rows& rows, std::size_t size, Write write) {
  for (std::size_t done = 0; done < rows.size(); done += size) {
    write(std::span(rows).subspan(done, std::min(size, rows.size() - done)));
  }
}

constexpr std::size_t kValuesBatch = 1'000;
static_assert(kInserted % kValuesBatch == 0, "one statement serves all batches");

std::string values_sql() {
  std::string sql = fmt::format("INSERT INTO {} VALUES", kTarget);
  for (std::size_t i = 0; i < kValuesBatch; ++i) {
    const std::size_t n = i * kColumns;
    sql += fmt::format("{}(${},${},${},${},${},${})", i == 0 ? "" : ",", n + 1, n + 2, n + 3, n + 4,
                       n + 5, n + 6);
  }
  return sql;
}

void write_values(PGconn* connection, std::span<const Row> rows) {
  std::vector<Parameters> parameters(rows.size());
  std::vector<const char*> values;
  std::vector<int> lengths;
  const std::vector<int> formats(rows.size() * kColumns, kBinary);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    parameters[i].set(rows[i]);
    values.insert(values.end(), parameters[i].values(), parameters[i].values() + kColumns);
    lengths.insert(lengths.end(), parameters[i].lengths(), parameters[i].lengths() + kColumns);
  }
  const Result result(::PQexecPrepared(connection, "statement", static_cast<int>(values.size()),
                                       values.data(), lengths.data(), formats.data(), kBinary));
  expect(result, PGRES_COMMAND_OK, connection);
}

/// Few enough rows for the answers to wait in the socket until all are sent.
constexpr std::size_t kPipelineBatch = 1'000;

void write_pipelined(PGconn* connection, std::span<const Row> rows) {
  Parameters parameters;
  for (const Row& row : rows) {
    parameters.set(row);
    expect(::PQsendQueryPrepared(connection, "statement", kColumns, parameters.values(),
                                 parameters.lengths(), Parameters::kFormats.data(), kBinary) == 1,
           connection);
  }
  expect(::PQpipelineSync(connection) == 1, connection);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    expect(next_result(connection), PGRES_COMMAND_OK, connection);
  }
  expect_sync(connection);
}

}  // namespace

Implementation find() { return finding("libpq, PQexecPrepared", finder); }

Implementation find_at_once() { return finding_at_once("libpq, PQexecPrepared", finder); }

Implementation find_in_pipeline() {
  return finding_many("libpq, pipeline", [] {
    Connection connection = connect_to_find();
    expect(::PQenterPipelineMode(connection.get()) == 1, connection.get());
    return [connection = std::move(connection)](const std::vector<std::int64_t>& ids) {
      return find_rows(connection.get(), ids);
    };
  });
}

Implementation find_one_by_one() {
  return finding_many("libpq, one at a time", [] {
    return [connection = connect_to_find()](const std::vector<std::int64_t>& ids) {
      std::vector<Row> rows;
      rows.reserve(ids.size());
      for (const std::int64_t id : ids) rows.push_back(find_row(connection.get(), id));
      return rows;
    };
  });
}

Implementation read_single_rows() {
  return reading("libpq, single rows", [] {
    return [connection = connect()](Sums& sums) { read_by_single_rows(connection.get(), sums); };
  });
}

Implementation read_copy() {
  return reading("libpq, COPY TO binary", [] {
    return [connection = connect()](Sums& sums) { read_by_copy(connection.get(), sums); };
  });
}

Implementation insert_copy() {
  return inserting("libpq, COPY FROM binary", [](const Rows& rows) {
    return [connection = connect(), &rows] { write_by_copy(connection.get(), rows); };
  });
}

Implementation insert_unnest() {
  return inserting("libpq, unnest of binary arrays", [](const Rows& rows) {
    Connection connection = connect();
    constexpr std::array<Oid, kColumns> kArrayTypes{1016, 1007, 1009, 1022, 1185, 1000};
    prepare(connection.get(),
            fmt::format("INSERT INTO {} SELECT * FROM unnest($1, $2, $3, $4, $5, $6)", kTarget),
            kArrayTypes);
    return [connection = std::move(connection), &rows] {
      in_transaction(connection.get(), [&] {
        in_batches(rows, 10'000,
                   [&](std::span<const Row> batch) { write_arrays(connection.get(), batch); });
      });
    };
  });
}

Implementation insert_values() {
  return inserting("libpq, VALUES of 1000 rows", [](const Rows& rows) {
    Connection connection = connect();
    std::vector<Oid> types;
    for (std::size_t i = 0; i < kValuesBatch; ++i) {
      types.insert(types.end(), kTypes.begin(), kTypes.end());
    }
    prepare(connection.get(), values_sql(), types);
    return [connection = std::move(connection), &rows] {
      in_transaction(connection.get(), [&] {
        in_batches(rows, kValuesBatch,
                   [&](std::span<const Row> batch) { write_values(connection.get(), batch); });
      });
    };
  });
}

Implementation insert_pipeline() {
  return inserting("libpq, pipeline", [](const Rows& rows) {
    Connection connection = connect();
    prepare(connection.get(),
            fmt::format("INSERT INTO {} VALUES ($1, $2, $3, $4, $5, $6)", kTarget), kTypes);
    return [connection = std::move(connection), &rows] {
      in_transaction(connection.get(), [&] {
        expect(::PQenterPipelineMode(connection.get()) == 1, connection.get());
        in_batches(rows, kPipelineBatch,
                   [&](std::span<const Row> batch) { write_pipelined(connection.get(), batch); });
        expect(::PQexitPipelineMode(connection.get()) == 1, connection.get());
      });
    };
  });
}

}  // namespace grant::bench::libpq
