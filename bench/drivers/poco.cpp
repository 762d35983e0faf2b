#include <Poco/Data/PostgreSQL/Connector.h>
#include <Poco/Data/Session.h>
#include <Poco/Data/Statement.h>
#include <Poco/DateTime.h>
#include <fmt/format.h>

#include <memory>
#include <vector>

#include "bench/drivers/implementations.hpp"
#include "bench/drivers/peers.hpp"
#include "grant/driver/url.hpp"

namespace grant::bench::poco {
namespace {

namespace keywords = Poco::Data::Keywords;

using PocoRow = RowWith<Poco::DateTime>;

std::unique_ptr<Poco::Data::Session> connect() {
  static const bool registered = [] {
    Poco::Data::PostgreSQL::Connector::registerConnector();
    return true;
  }();
  keep(registered);
  const Url url = Url::parse(postgres_server().url);
  return std::make_unique<Poco::Data::Session>(
      "PostgreSQL", fmt::format("host={} port={} user={} password={} dbname={} sslmode=disable",
                                url.host, url.port, url.user, url.password, url.database));
}

/// A prepared statement with the variables it is bound to.
class Finder {
 public:
  Finder()
      : session_(connect()),
        bound_(std::make_unique<Bound>()),
        statement_((*session_ << "SELECT id, quantity, name, price, created_at, active "
                                 "FROM bench_rows WHERE id = $1",
                    keywords::use(bound_->wanted), keywords::into(bound_->row.id),
                    keywords::into(bound_->row.quantity), keywords::into(bound_->row.name),
                    keywords::into(bound_->row.price), keywords::into(bound_->row.created_at),
                    keywords::into(bound_->row.active))) {}

  PocoRow operator()(std::int64_t id) {
    bound_->wanted = id;
    statement_.execute();
    return bound_->row;
  }

 private:
  struct Bound {
    std::int64_t wanted{};
    PocoRow row{};
  };

  std::unique_ptr<Poco::Data::Session> session_;
  std::unique_ptr<Bound> bound_;
  Poco::Data::Statement statement_;
};

void read_all(Poco::Data::Session& session, Sums& sums) {
  PocoRow row;
  Poco::Data::Statement statement =
      (session << "SELECT id, quantity, name, price, created_at, active FROM bench_rows",
       keywords::into(row.id), keywords::into(row.quantity), keywords::into(row.name),
       keywords::into(row.price), keywords::into(row.created_at), keywords::into(row.active),
       keywords::range(0, 1));
  while (!statement.done()) {
    statement.execute();
    sums.add(row);
    keep(row);
  }
}

}  // namespace

Implementation find() {
  return finding("Poco Data, prepared", [] { return Finder(); });
}

Implementation find_at_once() {
  return finding_at_once("Poco Data, prepared", [] { return Finder(); });
}

Implementation read() {
  return reading("Poco Data, whole result",
                 [] { return [session = connect()](Sums& sums) { read_all(*session, sums); }; });
}

}  // namespace grant::bench::poco
