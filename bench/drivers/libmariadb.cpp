#include <fmt/format.h>
#include <mysql.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <span>
#include <stdexcept>
#include <vector>

#include "bench/drivers/implementations.hpp"
#include "bench/drivers/peers.hpp"
#include "grant/driver/url.hpp"

namespace grant::bench::libmariadb {
namespace {

constexpr std::size_t kColumns = 6;
constexpr std::string_view kRead =
    "SELECT id, quantity, name, price, created_at, active FROM bench_rows";
constexpr std::string_view kInsert =
    "INSERT INTO bench_target (id, quantity, name, price, created_at, active) VALUES";

struct CloseConnection {
  void operator()(MYSQL* connection) const noexcept { ::mysql_close(connection); }
};
using Connection = std::unique_ptr<MYSQL, CloseConnection>;

struct CloseStatement {
  void operator()(MYSQL_STMT* statement) const noexcept { ::mysql_stmt_close(statement); }
};
using Statement = std::unique_ptr<MYSQL_STMT, CloseStatement>;

void expect(bool done, MYSQL* connection) {
  if (!done) throw std::runtime_error(::mysql_error(connection));
}

void expect(bool done, const Statement& statement) {
  if (!done) [[unlikely]] {
    throw std::runtime_error(::mysql_stmt_error(statement.get()));
  }
}

Connection connect() {
  const Url url = Url::parse(mariadb_server().url);
  Connection connection(::mysql_init(nullptr));
  expect(::mysql_real_connect(connection.get(), url.host.c_str(), url.user.c_str(),
                              url.password.c_str(), url.database.c_str(), url.port, nullptr,
                              0) != nullptr,
         connection.get());
  return connection;
}

void run(MYSQL* connection, const std::string& sql) {
  expect(::mysql_real_query(connection, sql.data(), sql.size()) == 0, connection);
}

Statement prepare(MYSQL* connection, const std::string& sql) {
  Statement statement(::mysql_stmt_init(connection));
  expect(statement != nullptr, connection);
  expect(::mysql_stmt_prepare(statement.get(), sql.data(), sql.size()) == 0, statement);
  return statement;
}

Timestamp timestamp_from(const MYSQL_TIME& time) {
  using namespace std::chrono;
  return sys_days(year(static_cast<int>(time.year)) / month(time.month) / day(time.day)) +
         hours(time.hour) + minutes(time.minute) + seconds(time.second) +
         microseconds(time.second_part);
}

MYSQL_TIME time_from(Timestamp value) {
  using namespace std::chrono;
  const auto days_since = floor<days>(value);
  const year_month_day date(days_since);
  const hh_mm_ss time(value - days_since);
  MYSQL_TIME out{};
  out.year = static_cast<unsigned>(static_cast<int>(date.year()));
  out.month = static_cast<unsigned>(date.month());
  out.day = static_cast<unsigned>(date.day());
  out.hour = static_cast<unsigned>(time.hours().count());
  out.minute = static_cast<unsigned>(time.minutes().count());
  out.second = static_cast<unsigned>(time.seconds().count());
  out.second_part = static_cast<unsigned long>(time.subseconds().count());
  out.time_type = MYSQL_TIMESTAMP_DATETIME;
  return out;
}

/// Where a statement's columns arrive, one row after the other.
class Cells {
 public:
  explicit Cells(const Statement& statement) {
    const auto bind = [this](std::size_t column, enum_field_types type, void* buffer) {
      binds_[column].buffer_type = type;
      binds_[column].buffer = buffer;
    };
    bind(0, MYSQL_TYPE_LONGLONG, &id_);
    bind(1, MYSQL_TYPE_LONG, &quantity_);
    bind(2, MYSQL_TYPE_STRING, name_.data());
    binds_[2].buffer_length = name_.size();
    binds_[2].length = &name_length_;
    bind(3, MYSQL_TYPE_DOUBLE, &price_);
    bind(4, MYSQL_TYPE_DATETIME, &created_at_);
    bind(5, MYSQL_TYPE_TINY, &active_);
    expect(::mysql_stmt_bind_result(statement.get(), binds_.data()) == 0, statement);
  }

  [[nodiscard]] Row row() const {
    return {.id = id_,
            .quantity = quantity_,
            .name = std::string(name_.data(), name_length_),
            .price = price_,
            .created_at = timestamp_from(created_at_),
            .active = active_ != 0};
  }

 private:
  std::array<MYSQL_BIND, kColumns> binds_{};
  long long id_{};
  std::int32_t quantity_{};
  std::array<char, 256> name_{};
  unsigned long name_length_{};
  double price_{};
  MYSQL_TIME created_at_{};
  signed char active_{};
};

/// A prepared statement with the variables it is bound to, which stay where they are.
class Finder {
 public:
  Finder()
      : connection_(connect()),
        statement_(prepare(connection_.get(), fmt::format("{} WHERE id = ?", kRead))),
        wanted_(std::make_unique<long long>()),
        cells_(std::make_unique<Cells>(statement_)) {
    MYSQL_BIND bind{};
    bind.buffer_type = MYSQL_TYPE_LONGLONG;
    bind.buffer = wanted_.get();
    expect(::mysql_stmt_bind_param(statement_.get(), &bind) == 0, statement_);
  }

  Row operator()(std::int64_t id) {
    *wanted_ = id;
    expect(::mysql_stmt_execute(statement_.get()) == 0, statement_);
    expect(::mysql_stmt_fetch(statement_.get()) == 0, statement_);
    Row row = cells_->row();
    expect(::mysql_stmt_fetch(statement_.get()) == MYSQL_NO_DATA, statement_);
    return row;
  }

 private:
  Connection connection_;
  Statement statement_;
  std::unique_ptr<long long> wanted_;
  std::unique_ptr<Cells> cells_;
};

void read_all(MYSQL* connection, Sums& sums) {
  const Statement statement = prepare(connection, std::string(kRead));
  const Cells cells(statement);
  expect(::mysql_stmt_execute(statement.get()) == 0, statement);
  while (true) {
    const int fetched = ::mysql_stmt_fetch(statement.get());
    if (fetched == MYSQL_NO_DATA) return;
    expect(fetched == 0, statement);
    const Row row = cells.row();
    sums.add(row);
    keep(row);
  }
}

/// As many rows as one statement takes at once.
constexpr std::size_t kBatch = 1'000;
static_assert(kInserted % kBatch == 0, "one statement serves all batches");

/// The values of one row, as parameters.
struct Parameters {
  void set(const Row& row, std::span<MYSQL_BIND, kColumns> binds) {
    id = row.id;
    quantity = row.quantity;
    price = row.price;
    created_at = time_from(row.created_at);
    active = row.active ? 1 : 0;
    name_length = row.name.size();
    const auto bind = [&](std::size_t column, enum_field_types type, void* buffer) {
      binds[column].buffer_type = type;
      binds[column].buffer = buffer;
    };
    bind(0, MYSQL_TYPE_LONGLONG, &id);
    bind(1, MYSQL_TYPE_LONG, &quantity);
    bind(2, MYSQL_TYPE_STRING, const_cast<char*>(row.name.data()));  // is only read
    binds[2].buffer_length = row.name.size();
    binds[2].length = &name_length;
    bind(3, MYSQL_TYPE_DOUBLE, &price);
    bind(4, MYSQL_TYPE_DATETIME, &created_at);
    bind(5, MYSQL_TYPE_TINY, &active);
  }

  long long id{};
  std::int32_t quantity{};
  unsigned long name_length{};
  double price{};
  MYSQL_TIME created_at{};
  signed char active{};
};

/// One statement with placeholders for kBatch rows.
class ValuesInserter {
 public:
  explicit ValuesInserter(const Rows& rows)
      : rows_(&rows), connection_(connect()), parameters_(kBatch), binds_(kBatch * kColumns) {
    std::string sql(kInsert);
    for (std::size_t i = 0; i < kBatch; ++i) sql += i == 0 ? "(?,?,?,?,?,?)" : ",(?,?,?,?,?,?)";
    statement_ = prepare(connection_.get(), sql);
  }

  void operator()() {
    run(connection_.get(), "BEGIN");
    for (std::size_t done = 0; done < rows_->size(); done += kBatch) {
      for (std::size_t i = 0; i < kBatch; ++i) {
        parameters_[i].set((*rows_)[done + i],
                           std::span<MYSQL_BIND, kColumns>(&binds_[i * kColumns], kColumns));
      }
      expect(::mysql_stmt_bind_param(statement_.get(), binds_.data()) == 0, statement_);
      expect(::mysql_stmt_execute(statement_.get()) == 0, statement_);
    }
    run(connection_.get(), "COMMIT");
  }

 private:
  const Rows* rows_;
  Connection connection_;
  Statement statement_;
  std::vector<Parameters> parameters_;
  std::vector<MYSQL_BIND> binds_;
};

/// One statement with placeholders for one row, given arrays of values: MariaDB's bulk operation.
class ArrayInserter {
 public:
  explicit ArrayInserter(const Rows& rows)
      : rows_(&rows),
        connection_(connect()),
        statement_(prepare(connection_.get(), std::string(kInsert) + "(?,?,?,?,?,?)")),
        columns_(std::make_unique<Columns>()) {}

  void operator()() {
    run(connection_.get(), "BEGIN");
    for (std::size_t done = 0; done < rows_->size(); done += kArray) {
      execute(std::span(*rows_).subspan(done, std::min(kArray, rows_->size() - done)));
    }
    run(connection_.get(), "COMMIT");
  }

 private:
  static constexpr std::size_t kArray = 5'000;

  struct Columns {
    std::array<long long, kArray> ids{};
    std::array<std::int32_t, kArray> quantities{};
    std::array<const char*, kArray> names{};
    std::array<unsigned long, kArray> name_lengths{};
    std::array<double, kArray> prices{};
    std::array<MYSQL_TIME, kArray> times{};
    std::array<const MYSQL_TIME*, kArray> time_pointers{};
    std::array<signed char, kArray> active{};
  };

  void execute(std::span<const Row> rows) {
    for (std::size_t i = 0; i < rows.size(); ++i) {
      columns_->ids[i] = rows[i].id;
      columns_->quantities[i] = rows[i].quantity;
      columns_->names[i] = rows[i].name.data();
      columns_->name_lengths[i] = rows[i].name.size();
      columns_->prices[i] = rows[i].price;
      columns_->times[i] = time_from(rows[i].created_at);
      columns_->time_pointers[i] = &columns_->times[i];
      columns_->active[i] = rows[i].active ? 1 : 0;
    }
    std::array<MYSQL_BIND, kColumns> binds{};
    const auto bind = [&](std::size_t column, enum_field_types type, void* buffer) {
      binds[column].buffer_type = type;
      binds[column].buffer = buffer;
    };
    bind(0, MYSQL_TYPE_LONGLONG, columns_->ids.data());
    bind(1, MYSQL_TYPE_LONG, columns_->quantities.data());
    bind(2, MYSQL_TYPE_STRING, columns_->names.data());
    binds[2].length = columns_->name_lengths.data();
    bind(3, MYSQL_TYPE_DOUBLE, columns_->prices.data());
    bind(4, MYSQL_TYPE_DATETIME, columns_->time_pointers.data());
    bind(5, MYSQL_TYPE_TINY, columns_->active.data());
    const auto count = static_cast<unsigned>(rows.size());
    ::mysql_stmt_attr_set(statement_.get(), STMT_ATTR_ARRAY_SIZE, &count);
    expect(::mysql_stmt_bind_param(statement_.get(), binds.data()) == 0, statement_);
    expect(::mysql_stmt_execute(statement_.get()) == 0, statement_);
  }

  const Rows* rows_;
  Connection connection_;
  Statement statement_;
  std::unique_ptr<Columns> columns_;
};

}  // namespace

Implementation find() {
  return finding("libmariadb, prepared", [] { return Finder(); });
}

Implementation read() {
  return reading("libmariadb, row by row", [] {
    return [connection = connect()](Sums& sums) { read_all(connection.get(), sums); };
  });
}

Implementation insert_array() {
  return inserting("libmariadb, arrays", [](const Rows& rows) { return ArrayInserter(rows); });
}

Implementation insert_values() {
  return inserting("libmariadb, VALUES of 1000 rows",
                   [](const Rows& rows) { return ValuesInserter(rows); });
}

}  // namespace grant::bench::libmariadb
