#include <sqlite3.h>

#include <memory>
#include <stdexcept>
#include <string>

#include "bench/drivers/implementations.hpp"
#include "bench/drivers/peers.hpp"
#include "grant/core/timestamp.hpp"
#include "grant/driver/url.hpp"

namespace grant::bench::sqlite {
namespace {

struct CloseDatabase {
  void operator()(sqlite3* database) const noexcept { ::sqlite3_close_v2(database); }
};
using Database = std::unique_ptr<sqlite3, CloseDatabase>;

struct FinishStatement {
  void operator()(sqlite3_stmt* statement) const noexcept { ::sqlite3_finalize(statement); }
};
using Statement = std::unique_ptr<sqlite3_stmt, FinishStatement>;

void expect(bool done, sqlite3* database) {
  if (!done) [[unlikely]] {
    throw std::runtime_error(::sqlite3_errmsg(database));
  }
}

void run(sqlite3* database, const char* sql) {
  expect(::sqlite3_exec(database, sql, nullptr, nullptr, nullptr) == SQLITE_OK, database);
}

/// With the settings that Grant gives a database.
Database open() {
  sqlite3* opened = nullptr;
  const std::string file = Url::parse(sqlite_file().url).database;
  const int code =
      ::sqlite3_open_v2(file.c_str(), &opened,
                        SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, nullptr);
  Database database(opened);
  expect(code == SQLITE_OK, opened);
  run(opened, "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL");
  return database;
}

Statement prepare(sqlite3* database, const char* sql) {
  sqlite3_stmt* prepared = nullptr;
  expect(::sqlite3_prepare_v3(database, sql, -1, SQLITE_PREPARE_PERSISTENT, &prepared, nullptr) ==
             SQLITE_OK,
         database);
  return Statement(prepared);
}

std::string_view text_of(sqlite3_stmt* statement, int column) {
  const auto* const text = ::sqlite3_column_text(statement, column);
  return {reinterpret_cast<const char*>(text),
          static_cast<std::size_t>(::sqlite3_column_bytes(statement, column))};
}

Row row_from(sqlite3_stmt* statement) {
  return {.id = ::sqlite3_column_int64(statement, 0),
          .quantity = ::sqlite3_column_int(statement, 1),
          .name = std::string(text_of(statement, 2)),
          .price = ::sqlite3_column_double(statement, 3),
          .created_at = parse_timestamp(text_of(statement, 4)).value(),
          .active = ::sqlite3_column_int(statement, 5) != 0};
}

Row find_row(sqlite3* database, sqlite3_stmt* statement, std::int64_t id) {
  ::sqlite3_bind_int64(statement, 1, id);
  expect(::sqlite3_step(statement) == SQLITE_ROW, database);
  Row row = row_from(statement);
  expect(::sqlite3_step(statement) == SQLITE_DONE, database);
  ::sqlite3_reset(statement);
  return row;
}

void read_all(sqlite3* database, sqlite3_stmt* statement, Sums& sums) {
  int code = 0;
  while ((code = ::sqlite3_step(statement)) == SQLITE_ROW) {
    const Row row = row_from(statement);
    sums.add(row);
    keep(row);
  }
  expect(code == SQLITE_DONE, database);
  ::sqlite3_reset(statement);
}

void write_all(sqlite3* database, sqlite3_stmt* statement, const Rows& rows) {
  run(database, "BEGIN IMMEDIATE");
  for (const Row& row : rows) {
    const std::string created_at = format_timestamp(row.created_at);
    ::sqlite3_bind_int64(statement, 1, row.id);
    ::sqlite3_bind_int(statement, 2, row.quantity);
    ::sqlite3_bind_text64(statement, 3, row.name.data(), row.name.size(), SQLITE_STATIC,
                          SQLITE_UTF8);
    ::sqlite3_bind_double(statement, 4, row.price);
    ::sqlite3_bind_text64(statement, 5, created_at.data(), created_at.size(), SQLITE_STATIC,
                          SQLITE_UTF8);
    ::sqlite3_bind_int(statement, 6, row.active ? 1 : 0);
    expect(::sqlite3_step(statement) == SQLITE_DONE, database);
    ::sqlite3_reset(statement);
  }
  run(database, "COMMIT");
}

}  // namespace

Implementation find() {
  return finding("sqlite3, prepared", [] {
    Database database = open();
    Statement statement = prepare(
        database.get(),
        "SELECT id, quantity, name, price, created_at, active FROM bench_rows WHERE id = $1");
    return [database = std::move(database), statement = std::move(statement)](std::int64_t id) {
      return find_row(database.get(), statement.get(), id);
    };
  });
}

Implementation read() {
  return reading("sqlite3, step", [] {
    Database database = open();
    Statement statement = prepare(
        database.get(), "SELECT id, quantity, name, price, created_at, active FROM bench_rows");
    return [database = std::move(database), statement = std::move(statement)](Sums& sums) {
      read_all(database.get(), statement.get(), sums);
    };
  });
}

Implementation insert() {
  return inserting("sqlite3, one transaction", [](const Rows& rows) {
    Database database = open();
    Statement statement = prepare(database.get(),
                                  "INSERT INTO bench_target (id, quantity, name, price, "
                                  "created_at, active) VALUES ($1, $2, $3, $4, $5, $6)");
    return [database = std::move(database), statement = std::move(statement), &rows] {
      write_all(database.get(), statement.get(), rows);
    };
  });
}

}  // namespace grant::bench::sqlite
