#include <fmt/format.h>

#include <charconv>
#include <optional>

#include "connection.hpp"

namespace grant::mariadb {
namespace {

// One round trip, and nothing that a plain user may not ask. What that leaves out:
//   - whether the server replicates, and from whom: SHOW REPLICA STATUS takes a privilege, and a
//     former replica keeps its @@gtid_slave_pos. So a server that takes no writes counts as a
//     replica, and one that does as a primary;
//   - promotions: MariaDB numbers no timelines, so the branch stays 0, and two servers that both
//     take writes cannot be told apart by age;
//   - which cluster it is: without settings of their own all clusters use GTID domain 0;
//   - how old the last replayed change is. Seconds_Behind_Master would need the privilege too, is
//     NULL when replication has stopped, and is 0 where it only hears nothing.
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

/// `domain-server-sequence`; empty when `text` is not exactly one of these.
struct Gtid {
  std::uint64_t domain{};
  std::uint64_t server{};
  std::uint64_t sequence{};
};

std::optional<Gtid> parse_gtid(std::string_view text) {
  Gtid gtid;
  const char* at = text.data();
  const char* const end = at + text.size();
  for (std::uint64_t* part : {&gtid.domain, &gtid.server, &gtid.sequence}) {
    if (part != &gtid.domain && (at == end || *at++ != '-')) return std::nullopt;
    const auto [next, error] = std::from_chars(at, end, *part);
    if (error != std::errc()) return std::nullopt;
    at = next;
  }
  return at == end ? std::optional(gtid) : std::nullopt;
}

std::string_view text_of(ValueView value) {
  return value.is_null() ? std::string_view{} : value.as_characters();
}

}  // namespace

Task<Observation> MariadbConnection::probe(io::Call call) {
  const auto rows = co_await run_simple(call, kProbe, Effect::read);
  const bool is_replica = rows->cell(0, refuses_writes).as_integer() != 0;
  // With several domains there are several positions, which no one number stands for.
  const auto gtid =
      parse_gtid(text_of(rows->cell(0, is_replica ? replicated_position : current_position)));

  Observation seen;
  seen.kind = is_replica ? NodeKind::replica : NodeKind::primary;
  seen.epoch.history = fmt::format(
      "gtid domain {}",
      gtid ? gtid->domain : static_cast<std::uint64_t>(rows->cell(0, domain).as_integer()));
  seen.instance = text_of(rows->cell(0, instance));
  if (gtid) seen.position = gtid->sequence;
  if (!is_replica) seen.clock = rows->cell(0, clock_now).as_timestamp();
  seen.version = text_of(rows->cell(0, version));
  co_return seen;
}

}  // namespace grant::mariadb
