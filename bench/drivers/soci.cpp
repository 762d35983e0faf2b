#include "bench/soci.hpp"

#include <soci/postgresql/soci-postgresql.h>

#include <ctime>
#include <memory>
#include <vector>

#include "bench/drivers/implementations.hpp"
#include "bench/drivers/peers.hpp"

namespace grant::bench::soci {
namespace {

// Whole seconds are all that SOCI has, and a boolean is a number to it.
using TmRow = RowWith<std::tm>;

std::unique_ptr<::soci::session> connect() {
  return std::make_unique<::soci::session>(::soci::postgresql, postgres_server().url);
}

/// A prepared statement with the variables it is bound to.
class Finder {
 public:
  Finder()
      : session_(connect()),
        bound_(std::make_unique<Bound>()),
        statement_((session_->prepare << "SELECT id, quantity, name, price, created_at, active "
                                         "FROM bench_rows WHERE id = :id",
                    ::soci::use(bound_->wanted), ::soci::into(bound_->row.id),
                    ::soci::into(bound_->row.quantity), ::soci::into(bound_->row.name),
                    ::soci::into(bound_->row.price), ::soci::into(bound_->row.created_at),
                    ::soci::into(bound_->active))) {}

  TmRow operator()(std::int64_t id) {
    bound_->wanted = id;
    statement_.execute(true);
    bound_->row.active = bound_->active != 0;
    return bound_->row;
  }

 private:
  struct Bound {
    std::int64_t wanted{};
    TmRow row{};
    int active{};
  };

  std::unique_ptr<::soci::session> session_;
  std::unique_ptr<Bound> bound_;
  ::soci::statement statement_;
};

void read_all(::soci::session& session, Sums& sums) {
  TmRow row;
  int active = 0;
  ::soci::statement statement =
      (session.prepare << "SELECT id, quantity, name, price, created_at, active FROM bench_rows",
       ::soci::into(row.id), ::soci::into(row.quantity), ::soci::into(row.name),
       ::soci::into(row.price), ::soci::into(row.created_at), ::soci::into(active));
  statement.execute();
  while (statement.fetch()) {
    row.active = active != 0;
    sums.add(row);
    keep(row);
  }
}

/// The rows as a bulk operation takes them: by column.
struct Columns {
  std::vector<long long> ids{};
  std::vector<int> quantities{};
  std::vector<std::string> names{};
  std::vector<double> prices{};
  std::vector<std::tm> times{};
  std::vector<int> active{};
};

Columns columns_of(const Rows& rows) {
  Columns columns;
  for (const Row& row : rows) {
    const std::time_t seconds = std::chrono::system_clock::to_time_t(row.created_at);
    columns.ids.push_back(row.id);
    columns.quantities.push_back(row.quantity);
    columns.names.push_back(row.name);
    columns.prices.push_back(row.price);
    ::gmtime_r(&seconds, &columns.times.emplace_back());
    columns.active.push_back(row.active ? 1 : 0);
  }
  return columns;
}

/// All rows in one operation: SOCI 4.0 sends the first vectors again when a statement is executed
/// once more with others.
void write_all(::soci::session& session, const Columns& columns) {
  ::soci::transaction transaction(session);
  ::soci::statement statement =
      (session.prepare << "INSERT INTO bench_target (id, quantity, name, price, created_at, active)"
                          " VALUES (:id, :quantity, :name, :price, :created_at, :active)",
       ::soci::use(columns.ids), ::soci::use(columns.quantities), ::soci::use(columns.names),
       ::soci::use(columns.prices), ::soci::use(columns.times), ::soci::use(columns.active));
  statement.execute(true);
  transaction.commit();
}

}  // namespace

Implementation find() {
  return finding("SOCI, prepared", [] { return Finder(); });
}

Implementation find_at_once() {
  return finding_at_once("SOCI, prepared", [] { return Finder(); });
}

Implementation read() {
  return reading("SOCI, fetch",
                 [] { return [session = connect()](Sums& sums) { read_all(*session, sums); }; });
}

Implementation insert_bulk() {
  return inserting("SOCI, bulk", [](const Rows& rows) {
    std::unique_ptr<::soci::session> session = connect();
    session->once << "SET timezone = 'UTC'";
    return [session = std::move(session), columns = columns_of(rows)] {
      write_all(*session, columns);
    };
  });
}

}  // namespace grant::bench::soci
