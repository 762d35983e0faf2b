// Where the log stands after a write, asked for in the round trip of the write.
#include "position.hpp"

#include <charconv>
#include <exception>
#include <string_view>
#include <utility>

#include "connection.hpp"
#include "grant/core/error.hpp"

namespace grant::postgres {
namespace {

// Where the log ends, and not what of it is on the disk: with synchronous_commit = off that comes
// later. The timeline that it is on; and the size of the log's files, which is the server's.
constexpr const char* kQuestion =
    "SELECT lsn - '0/0', left(pg_walfile_name(lsn), 8),"
    " pg_size_bytes(current_setting('wal_segment_size')),"
    " (SELECT system_identifier FROM pg_control_system())"
    " FROM pg_current_wal_insert_lsn() AS lsn";

enum Column : int { end, branch, segment, history, columns };

std::optional<std::uint64_t> number(const PGresult* row, Column column, int base = 10) {
  const std::string_view digits = PQgetvalue(row, 0, column);  // "" for null
  std::uint64_t value = 0;
  const auto [rest, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), value, base);
  const bool whole = error == std::errc() && rest == digits.data() + digits.size();
  return whole ? std::optional(value) : std::nullopt;
}

/// Empty where the server gave something else.
std::optional<Position> position_of(const PGresult* answer) {
  if (PQntuples(answer) != 1 || PQnfields(answer) != columns) return std::nullopt;
  const auto lsn = number(answer, end);
  const auto timeline = number(answer, branch, 16);
  const auto size = number(answer, segment);
  if (!lsn || !timeline || !size) return std::nullopt;
  return Position{{PQgetvalue(answer, 0, history), *timeline}, Lsn{replayable(*lsn, *size)}};
}

}  // namespace

// Page headers: XLogPageHeaderData and XLogLongPageHeaderData, aligned to 8 bytes, in
// src/include/access/xlog_internal.h; XLogBytePosToRecPtr() in xlog.c steps over them. A record
// cannot end inside a header, so nothing else stands there.
std::uint64_t replayable(std::uint64_t insert, std::uint64_t segment) noexcept {
  constexpr std::uint64_t page = 8192;  // that of all packages; smaller ones are a build option
  constexpr std::uint64_t header = 24;
  constexpr std::uint64_t first_header = 40;
  if (segment != 0 && insert % segment == first_header) return insert - first_header;
  const bool is_in_first = segment != 0 && insert % segment < page;
  return insert % page == header && !is_in_first ? insert - header : insert;
}

Task<void> PostgresConnection::run_placed(io::Call call, Operation operation,
                                          const Prepared& prepared) {
  channel_.enter_pipeline(operation);
  send_execute(prepared, operation);
  binder_.trim();  // libpq has its own copy
  co_await receive_placed(call, operation);
}

Task<void> PostgresConnection::commit_placed(io::Call call, Effect effect) {
  auto operation = start(call, effect);
  operation.in_transaction = channel_.in_transaction();
  channel_.enter_pipeline(operation);
  channel_.send_command("COMMIT", operation);
  co_await receive_placed(call, operation);
  if (channel_.failure() != nullptr) fail(operation, {});
  static_cast<void>(channel_.final_answer(operation));
}

// Each has a sync of its own, behind which the server sends what it has: the answer to the write
// does not wait for that to the question.
Task<void> PostgresConnection::receive_placed(io::Call call, Operation operation) {
  channel_.send_sync(operation);
  // The write is on its way, whatever happens now.
  PGconn* const handle = channel_.handle();
  const bool asked =
      PQsendQueryParams(handle, kQuestion, 0, nullptr, nullptr, nullptr, nullptr, 0) != 0 &&
      PQpipelineSync(handle) != 0;
  if (!asked) channel_.fail_lost(operation);
  co_await channel_.receive(call, operation);
  auto answers = std::move(channel_.answers());
  const bool late = channel_.cancelled_late();
  if (late) call = channel_.until_cancelled(call);
  try {
    // What was written is, whatever becomes of the question.
    co_await channel_.receive(call, harmless(operation.watch));
    // An error has no rows.
    if (!channel_.answers().empty()) position_ = position_of(channel_.answers().back().get());
    channel_.leave_pipeline(operation);
  } catch (const std::exception&) {
    channel_.close();
  }
  channel_.set_cancelled_late(late);
  channel_.answers() = std::move(answers);
  if (channel_.failure() != nullptr || channel_.in_transaction()) position_.reset();
  if (!channel_.in_transaction()) settle_schema(call);
}

}  // namespace grant::postgres
