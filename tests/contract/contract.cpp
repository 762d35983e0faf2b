#include "contract/contract.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <ostream>
#include <utility>

#include "grant/query/dialect.hpp"

namespace grant::contract {

using namespace std::chrono_literals;

std::ostream& operator<<(std::ostream& out, const Transport& transport) {
  return out << transport.name;
}

std::string name_of(const ::testing::TestParamInfo<Transport>& info) {
  return std::string(info.param.name);
}

void Contract::SetUp() {
  backend_ = GetParam().make();
  connection_ = connect();
}

void Contract::TearDown() {
  if (!backend_) return;
  connection_.reset();
  const auto admin = connect();
  std::ranges::reverse(tables_);  // those that refer to others first
  for (const auto& name : tables_) run_on(*admin, "DROP TABLE IF EXISTS " + name);
}

io::Call Contract::call() {
  return io::Call(io::blocking_waiter(), after(Clock::system().now(), 60s));
}

std::unique_ptr<Connection> Contract::connect() {
  auto options = backend_->writer();
  options.node = "contract/primary";
  return connect(std::move(options));
}

std::unique_ptr<Connection> Contract::connect(ConnectOptions options) {
  return grant::run(backend_->driver().connect(call(), std::move(options)));
}

std::string Contract::with_types(std::string_view sql) {
  std::string out(sql);
  for (const auto kind : kValueKinds) {
    const auto mark = "{" + std::string(to_string(kind)) + "}";
    for (auto at = out.find(mark); at != std::string::npos; at = out.find(mark)) {
      out.replace(at, mark.size(), backend_->type(kind));
    }
  }
  return out;
}

std::string Contract::table(std::string_view columns) {
  static std::atomic<int> counter = 0;
  auto name = "contract_" + std::to_string(::getpid()) + "_" + std::to_string(++counter);
  tables_.push_back(name);
  run("CREATE TABLE " + name + " (" + with_types(columns) + ")");
  return name;
}

std::string Backend::quoted(std::string_view name) const {
  std::string sql;
  dialect::append_identifier(sql, driver().adapter(), name);
  return sql;
}

void Backend::run(Connection& connection, std::string_view sql) {
  Statement statement;
  statement.sql = sql;
  grant::run(connection.execute(io::Call(io::blocking_waiter()), statement));
}

std::string Contract::numbers(int most) {
  return "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < " +
         std::to_string(most) + ") ";
}

std::unique_ptr<Result> Contract::run(std::string_view sql, Views params) {
  return run_on(*connection_, sql, params);
}

std::unique_ptr<Result> Contract::run_on(Connection& connection, std::string_view sql, Views params,
                                         Effect effect) {
  Statement statement;
  statement.sql = sql;
  statement.params = {params.begin(), params.size()};
  statement.effect = effect;
  return grant::run(connection.execute(call(), statement));
}

std::int64_t Contract::number(std::string_view sql, Views params) {
  return number_on(*connection_, sql, params);
}

std::int64_t Contract::number_on(Connection& connection, std::string_view sql, Views params) {
  const auto rows = run_on(connection, sql, params, Effect::read);
  if (rows->row_count() != 1 || rows->column_count() != 1 ||
      rows->cell(0, 0).kind() != ValueKind::integer) {
    ADD_FAILURE() << "not one integer: " << sql;
    return -1;
  }
  return rows->cell(0, 0).as_integer();
}

void Contract::begin(TransactionOptions options) {
  grant::run(connection_->begin(call(), options));
}
void Contract::commit() { grant::run(connection_->commit(call())); }
void Contract::rollback() { grant::run(connection_->rollback(call())); }

Value Contract::round_trip(ValueView value) {
  const auto name = table("v {" + std::string(to_string(value.kind())) + "}");
  run("INSERT INTO " + name + " VALUES ($1)", {value});
  const auto rows = run("SELECT v FROM " + name);
  if (rows->row_count() != 1) {
    ADD_FAILURE() << rows->row_count() << " rows";
    return {};
  }
  EXPECT_EQ(rows->cell(0, 0).kind(), value.kind());
  return Value(rows->cell(0, 0));
}

void Contract::expect_usable() {
  ASSERT_TRUE(connection_->is_open());
  EXPECT_EQ(number("SELECT 1 + 1"), 2);
}

}  // namespace grant::contract
