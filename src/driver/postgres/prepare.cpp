// Statements, from their text to what the server makes of it; and when that has to be asked again.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "connection.hpp"
#include "errors.hpp"
#include "grant/core/error.hpp"

namespace grant::postgres {
namespace {

/// Made by this process, through whichever connection.
driver::SchemaChanges& changes() noexcept {
  static constinit driver::SchemaChanges all;
  return all;
}

}  // namespace

Prepared* PostgresConnection::find_prepared(std::string_view sql, TimePoint now) {
  if (std::exchange(statements_gone_, false)) cache_.clear();
  Prepared* const known = cache_.find(sql);
  if (known == nullptr) return nullptr;
  if (driver::is_believed(known->described, now, schema_changed(), lifetime_)) return known;
  cache_.erase(sql);
  return nullptr;
}

void PostgresConnection::forget_outdated(io::Call call, Staleness staleness, std::string_view sql) {
  if (staleness == Staleness::none) return;
  cache_.erase(sql);
  if (staleness == Staleness::changed) note_schema(call, driver::SchemaEffect::everyone);
  if (staleness == Staleness::lost) {
    // Nobody here has told the server to forget it: another session has got the statement. From
    // now on nothing is left there that could be lost.
    named_ = false;
    statements_gone_ = true;
  }
}

TimePoint PostgresConnection::schema_changed() const noexcept {
  return std::max(names_moved_, changes().last());
}

void PostgresConnection::note_schema(io::Call call, driver::SchemaEffect effect) noexcept {
  if (effect != driver::SchemaEffect::none) note_schema(call.now(), effect);
}

void PostgresConnection::note_schema(TimePoint now, driver::SchemaEffect effect) noexcept {
  names_moved_ = now;
  if (effect == driver::SchemaEffect::everyone) changes().note(names_moved_);
  const bool in_transaction = channel_.handle() != nullptr && channel_.in_transaction();
  if (in_transaction) unsettled_ = std::max(unsettled_, effect);
}

void PostgresConnection::settle_schema(io::Call call) noexcept {
  if (unsettled_ != driver::SchemaEffect::none) settle_schema(call.now());
}

void PostgresConnection::settle_schema(TimePoint now) noexcept {
  const bool over = channel_.handle() == nullptr || !channel_.in_transaction();
  note_schema(now, unsettled_);
  if (over) unsettled_ = driver::SchemaEffect::none;
}

std::string PostgresConnection::next_name() { return fmt::format("{}{}", prefix_, ++names_); }

std::size_t PostgresConnection::send_prepare(const Prepared& prepared, const Operation& operation) {
  PGconn* const handle = channel_.handle();
  const bool at_length = is_described_at_length(prepared.sql);
  // The server knows the types of named statements only.
  const bool borrows_name = at_length && prepared.name.empty();
  const std::string own = borrows_name ? next_name() : prepared.name;
  const char* const name = own.c_str();
  channel_.send(PQsendPrepare(handle, name, prepared.sql.c_str(), 0, nullptr), operation);
  if (at_length) {
    channel_.send(
        PQsendQueryParams(handle, kParameterTypes, 1, nullptr, &name, nullptr, nullptr, 0),
        operation);
  } else {
    channel_.send(PQsendDescribePrepared(handle, name), operation);
  }
  if (!borrows_name) return 2;
  send_deallocate(own, operation);
  return 3;
}

void PostgresConnection::send_deallocate(const std::string& name, const Operation& operation) {
  channel_.send_command(("DEALLOCATE " + name).c_str(), operation);
}

Task<Prepared> PostgresConnection::parse_locked(io::Call call, std::string sql, const char* begin) {
  const Operation operation = harmless(driver::Stopwatch(call));
  auto parsed = unprepared(sql, operation.watch.started());
  channel_.enter_pipeline(operation);
  if (begin != nullptr) channel_.send_command(begin, operation);
  const auto described = send_prepare(parsed, operation) - 1;
  channel_.send_sync(operation);
  co_await channel_.receive(call, operation);
  channel_.leave_pipeline(operation);
  if (const PGresult* failed = channel_.failure()) {
    auto info = failure_info(failed, operation, {});
    if (begin != nullptr) co_await undo(call);
    throw_error(std::move(info));
  }
  const auto& answers = channel_.answers();
  describe(parsed, answers[answers.size() - described].get());
  co_return parsed;
}

Task<Prepared*> PostgresConnection::prepare(io::Call call, std::string_view sql) {
  // Preparing changes nothing, whatever the statement will do.
  const Operation operation = harmless(driver::Stopwatch(call));
  const bool keep = cache_.capacity() > 0;
  auto prepared = unprepared(sql, operation.watch.started());
  if (keep && named_) prepared.name = next_name();

  // Inside a transaction a DEALLOCATE that fails would spoil it, so the names wait.
  const bool tidy = !channel_.in_transaction();
  std::erase_if(cache_.discarded(), [](const Prepared& gone) { return gone.name.empty(); });
  channel_.enter_pipeline(operation);
  const auto own_answers = send_prepare(prepared, operation);
  if (tidy) {
    for (const auto& gone : cache_.discarded()) send_deallocate(gone.name, operation);
  }
  channel_.send_sync(operation);
  co_await channel_.receive(call, operation);
  channel_.leave_pipeline(operation);
  forget_discarded(own_answers);
  if (channel_.failure() != nullptr) fail(operation, {});

  describe(prepared, channel_.answers()[1].get());
  if (keep) co_return cache_.insert(std::move(prepared));
  unnamed_ = std::move(prepared);
  co_return &unnamed_;
}

// The answers after the first `own` are those to DEALLOCATE. One that failed named a statement that
// the server does not know any more, and kept the ones after it from being run.
void PostgresConnection::forget_discarded(std::size_t own) {
  auto& gone = cache_.discarded();
  auto& answers = channel_.answers();
  for (std::size_t i = own; i < answers.size(); ++i) {
    if (PQresultStatus(answers[i].get()) != PGRES_PIPELINE_ABORTED) gone.pop_front();
  }
  if (answers.size() > own) answers.resize(own);
}

}  // namespace grant::postgres
