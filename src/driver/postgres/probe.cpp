#include <fmt/format.h>

#include <charconv>

#include "connection.hpp"
#include "driver/failures.hpp"
#include "driver/shape.hpp"
#include "grant/core/error.hpp"

namespace grant::postgres {
namespace {

// One round trip, and nothing that a plain user may not call. Functions about the log's end raise
// an error on a standby, so each CASE keeps them from being called there; asking only once whether
// it is one keeps the answer whole while the node is promoted.
//
// A standby's timeline is only shown to members of pg_read_all_stats. Others get the one in its
// control file, which stays behind after a promotion until the next checkpoint.
constexpr const char* kProbe = R"(
SELECT CASE WHEN standby THEN 't' ELSE 'f' END,
       (SELECT system_identifier FROM pg_control_system()),
       CASE WHEN standby THEN NULL
            ELSE left(pg_walfile_name(pg_current_wal_insert_lsn()), 8) END,
       CASE WHEN standby THEN (SELECT received_tli FROM pg_stat_wal_receiver) END,
       CASE WHEN standby THEN
            (SELECT greatest(c.timeline_id, r.min_recovery_end_timeline)
               FROM pg_control_checkpoint() c, pg_control_recovery() r) END,
       extract(epoch FROM pg_postmaster_start_time()) * 1000000,
       current_setting('port'),
       CASE WHEN standby THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END - '0/0',
       CASE WHEN standby
            THEN greatest(pg_last_wal_receive_lsn() - pg_last_wal_replay_lsn(), 0) END,
       CASE WHEN NOT standby THEN (extract(epoch FROM clock_timestamp()) * 1000000)::bigint END,
       CASE WHEN standby
            THEN (extract(epoch FROM pg_last_xact_replay_timestamp()) * 1000000)::bigint END,
       current_setting('server_version')
  FROM (SELECT pg_is_in_recovery() AS standby OFFSET 0) AS role)";

enum Column : int {
  standby,
  history,
  primary_branch,
  received_branch,
  recovered_branch,
  started,
  port,
  position,
  unreplayed,
  clock_now,
  replayed_at,
  version
};

/// The one row of the answer.
class Row {
 public:
  explicit Row(const PGresult* result) : result_(result) {}

  [[nodiscard]] std::string_view text(Column column) const {
    return PQgetvalue(result_, 0, column);  // "" for null
  }

  [[nodiscard]] std::optional<std::uint64_t> number(Column column, int base = 10) const {
    const auto digits = text(column);
    std::uint64_t value = 0;
    const auto [end, error] =
        std::from_chars(digits.data(), digits.data() + digits.size(), value, base);
    if (digits.empty() || error != std::errc()) return std::nullopt;
    return value;
  }

  [[nodiscard]] std::optional<Timestamp> time(Column column) const {
    const auto micros = number(column);
    if (!micros) return std::nullopt;
    return Timestamp(std::chrono::microseconds(*micros));
  }

 private:
  const PGresult* result_;
};

}  // namespace

Task<Observation> PostgresConnection::probe(io::Call call) {
  co_await run_simple(call, kProbe, Effect::read);
  const PGresult* const answer = channel_.answers().back().get();
  driver::check_shape(static_cast<std::size_t>(PQntuples(answer)),
                      static_cast<std::size_t>(PQnfields(answer)), node_, 1, version + 1);
  const Row row(answer);
  const auto role = row.text(standby);
  if (role != "t" && role != "f") {
    throw_error(
        failures::at(node_, Errc::unavailable, "the server does not say whether it is a standby"));
  }
  const bool is_standby = role == "t";

  Observation seen;
  seen.kind = is_standby ? NodeKind::replica : NodeKind::primary;
  seen.epoch.history = row.text(history);
  const auto received = row.number(received_branch);
  const auto branch = !is_standby ? row.number(primary_branch, 16)
                      : received  ? received
                                  : row.number(recovered_branch);
  seen.epoch.branch = branch.value_or(0);
  if (is_standby && !received) {
    seen.unknown.emplace_back(
        "epoch: the timeline being received is shown to members of pg_read_all_stats, and while "
        "something is being received; the one of the last checkpoint stands for it");
  }
  // A node and its copies share the system identifier, but not the moment and the port.
  seen.instance = fmt::format("{}/{}/{}", row.text(history), row.text(started), row.text(port));
  if (const auto bytes = row.number(position)) seen.position = Position{seen.epoch, Lsn{*bytes}};
  seen.unreplayed_bytes = row.number(unreplayed);
  if (is_standby && !seen.unreplayed_bytes) {
    seen.unknown.emplace_back(
        "unreplayed_bytes: nothing has been received from a primary since the server started");
  }
  seen.clock = row.time(clock_now);
  seen.replayed_at = row.time(replayed_at);
  seen.version = row.text(version);
  co_return seen;
}

}  // namespace grant::postgres
