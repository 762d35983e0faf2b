#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "connection.hpp"
#include "driver/failures.hpp"
#include "driver/shape.hpp"
#include "grant/core/error.hpp"
#include "position.hpp"

namespace grant::mariadb {
namespace {

// One round trip, and nothing that a plain user may not ask. What that leaves out:
//   - whether the server replicates, and from whom: SHOW REPLICA STATUS takes a privilege, and a
//     former replica keeps its @@gtid_slave_pos. So a server that takes no writes counts as a
//     replica, and one that does as a primary;
//   - promotions: MariaDB numbers no timelines, so the branch stays 0, and two servers that both
//     take writes cannot be told apart by age;
//   - which cluster it is: without settings of their own all clusters use GTID domain 0;
//   - how old the last replayed change is: no server says so.
//
// What SHOW REPLICA STATUS adds, the lag that the replica reports and the bytes that it has not
// replayed, takes the privilege REPLICA MONITOR, and a second round trip on a
// replica; a connection that was refused once does not ask again.
//
// Server ids are often copied along with the data, so the host, the port and the directory help to
// tell servers apart.
constexpr const char* kProbe = R"(
SELECT @@global.read_only OR @@global.innodb_read_only,
       @@global.gtid_current_pos,
       @@global.gtid_slave_pos,
       @@global.gtid_domain_id,
       concat_ws('/', @@global.hostname, @@global.port, @@global.server_id, @@global.datadir),
       utc_timestamp(6),
       @@global.version)";

enum Column : std::size_t {
  refuses_writes,
  current_position,
  replicated_position,
  domain,
  instance,
  clock_now,
  version
};

std::string_view text_of(ValueView value) {
  return value.has_characters() ? value.as_characters() : std::string_view{};
}

/// Null where there is no such column.
ValueView named(const Result& row, std::string_view name) {
  for (std::size_t column = 0; column < row.column_count(); ++column) {
    if (row.column_name(column) == name) return row.cell(0, column);
  }
  return {};
}

}  // namespace

Task<Observation> MariadbConnection::probe(io::Call call) {
  const auto rows = co_await run_simple(call, kProbe, Effect::read, AtDeadline::close);
  driver::check_shape(rows->row_count(), rows->column_count(), node_, 1, version + 1);
  const auto refuses = rows->cell(0, refuses_writes);
  if (refuses.kind() != ValueKind::integer) {
    throw_error(
        failures::at(node_, Errc::unavailable, "the server does not say whether it takes writes"));
  }
  const bool is_replica = refuses.as_integer() != 0;
  const auto position =
      GtidSet::parse(text_of(rows->cell(0, is_replica ? replicated_position : current_position)));

  Observation seen;
  seen.kind = is_replica ? NodeKind::replica : NodeKind::primary;
  const auto own_domain = rows->cell(0, domain);
  const bool has_domain = own_domain.kind() == ValueKind::integer;
  // The one in which there is something, or the server's own.
  const bool is_clear = position && position->last().size() == 1;
  seen.epoch =
      epoch_of(is_clear ? position->last().front().domain
                        : static_cast<std::uint32_t>(has_domain ? own_domain.as_integer() : 0));
  seen.instance = text_of(rows->cell(0, instance));
  if (position) seen.position = Position{seen.epoch, *position};
  const auto now = rows->cell(0, clock_now);
  if (!is_replica && now.kind() == ValueKind::timestamp) seen.clock = now.as_timestamp();
  seen.version = text_of(rows->cell(0, version));
  if (is_replica) {
    seen.unknown.emplace_back("replayed_at: MariaDB does not say when a replayed change was made");
    co_await ask_replication(call, seen);
  }
  co_return seen;
}

Task<void> MariadbConnection::ask_replication(io::Call call, Observation& seen) {
  constexpr int no_privilege = 1227;
  std::unique_ptr<Result> status;
  if (may_ask_replication_) {
    try {
      status = co_await run_simple(call, "SHOW REPLICA STATUS", Effect::read, AtDeadline::close);
    } catch (const Error& error) {
      if (error.native() != no_privilege) throw;
      may_ask_replication_ = false;
    }
  }
  if (!may_ask_replication_) {
    seen.unknown.emplace_back("reported_lag: it takes the privilege REPLICA MONITOR");
    seen.unknown.emplace_back("unreplayed_bytes: it takes the privilege REPLICA MONITOR");
    co_return;
  }
  if (status->row_count() == 0) {
    seen.unknown.emplace_back("reported_lag: no replication is set up");
    seen.unknown.emplace_back("unreplayed_bytes: no replication is set up");
    co_return;
  }
  const ValueView behind = named(*status, "Seconds_Behind_Master");
  if (behind.kind() == ValueKind::integer) {
    seen.reported_lag = std::chrono::seconds(behind.as_integer());
  } else {
    seen.unknown.emplace_back(
        "reported_lag: replication has stopped, or does not reach its "
        "primary");
  }
  const ValueView received = named(*status, "Read_Master_Log_Pos");
  const ValueView replayed = named(*status, "Exec_Master_Log_Pos");
  const bool in_one_file = text_of(named(*status, "Master_Log_File")) ==
                           text_of(named(*status, "Relay_Master_Log_File"));
  if (in_one_file && received.kind() == ValueKind::integer &&
      replayed.kind() == ValueKind::integer) {
    seen.unreplayed_bytes = static_cast<std::uint64_t>(
        std::max<std::int64_t>(received.as_integer() - replayed.as_integer(), 0));
  } else {
    seen.unknown.emplace_back(
        "unreplayed_bytes: what was received and what is replayed are in different log files");
  }
}

}  // namespace grant::mariadb
