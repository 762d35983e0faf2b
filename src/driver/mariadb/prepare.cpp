// Statements, from their text to what the server makes of it.
#include <fmt/format.h>

#include <algorithm>
#include <new>
#include <utility>

#include "connection.hpp"
#include "driver/failures.hpp"
#include "driver/shape.hpp"
#include "effects.hpp"
#include "grant/core/codec.hpp"
#include "grant/core/error.hpp"
#include "lexer.hpp"
#include "session.hpp"

namespace grant::mariadb {
namespace {

bool changes_rows(std::string_view sql) {
  const auto word = first_word(sql);
  return word == "INSERT" || word == "UPDATE" || word == "DELETE" || word == "REPLACE";
}

/// Made by this process, through whichever connection.
driver::SchemaChanges& schema_changes() noexcept {
  static constinit driver::SchemaChanges all;
  return all;
}

/// When a connection of this process last found no place for a statement on its server, and had
/// none to give up: the others then do.
driver::SchemaChanges& crowded() noexcept {
  static constinit driver::SchemaChanges last;
  return last;
}

}  // namespace

Prepared* MariadbConnection::find_prepared(std::string_view sql) {
  if (gave_way_ < crowded().last()) {
    gave_way_ = last_used_;
    cache_.discard_half();
  }
  Prepared* const known = cache_.find(sql);
  if (known == nullptr) return nullptr;
  const auto changed = std::max(names_moved_, schema_changes().last());
  const Duration lifetime = target_->settings.statement_lifetime;
  if (!known->outdated && driver::is_believed(known->described, last_used_, changed, lifetime)) {
    return known;
  }
  cache_.erase(sql);
  return nullptr;
}

void MariadbConnection::note_schema(io::Call call, driver::SchemaEffect effect) noexcept {
  if (effect == driver::SchemaEffect::none) return;
  names_moved_ = call.now();
  if (effect == driver::SchemaEffect::everyone) schema_changes().note(names_moved_);
}

Prepared* MariadbConnection::keep(Prepared prepared) {
  if (cache_.capacity() > 0) return cache_.insert(std::move(prepared));
  if (uncached_.handle) cache_.discarded().push_back(std::move(uncached_));
  uncached_ = std::move(prepared);
  return &uncached_;
}

Task<Prepared> MariadbConnection::prepare(io::Call call, std::string_view sql,
                                          std::string_view opening) {
  if (sql.find('\0') != std::string_view::npos) {
    throw_error(Errc::invalid_argument, "the statement holds a NUL character");
  }
  MYSQL* const handle = handle_.get();
  const bool plain = (server_status() & SERVER_STATUS_NO_BACKSLASH_ESCAPES) != 0;
  auto rewritten = rewrite_placeholders(sql, plain ? Backslash::plain : Backslash::escapes);
  if (rewritten.sql.size() >= kTakenByAll) co_await check_size(call, rewritten.sql.size() + 1);
  co_await close_discarded(call);

  // Preparing changes nothing, whatever the statement will do.
  Operation operation{Effect::read, driver::Stopwatch(call)};
  operation.guarded = !opening.empty();
  Prepared prepared;
  prepared.sql = sql;
  prepared.described = operation.watch.started();
  prepared.effect = effect_of(sql);
  prepared.order = std::move(rewritten.order);
  prepared.parameters = rewritten.parameters;
  prepared.changes_rows = changes_rows(sql);
  prepared.mentions_session = mentions_session(sql.substr(opening.size()));
  prepared.commits = commits(sql);
  prepared.handle.reset(mysql_stmt_init(handle));
  if (!prepared.handle) throw std::bad_alloc();
  MYSQL_STMT* const statement = prepared.handle.get();
  co_await send_prepare(call, operation, statement, rewritten.sql);
  // The server's places for statements are shared by all its sessions: this one gives way.
  while (is_out_of_statements(failure_.number) && !cancelling_ && cache_.size() > 0) {
    cache_.discard_half();
    co_await close_discarded(call);
    co_await send_prepare(call, operation, statement, rewritten.sql);
  }
  if (failure_.number != 0) {
    const bool unprepared =
        is_unpreparable(failure_.number) || is_out_of_statements(failure_.number);
    if (is_out_of_statements(failure_.number)) crowded().note(call.now());
    if (!unprepared || prepared.parameters > 0 || cancelling_) {
      co_await fail(call, operation, std::span<const ValueView>());
    }
    prepared.outdated = !is_unpreparable(failure_.number);  // there may be a place the next time
    failure_ = {};
    prepared.handle.reset();
  } else if (mysql_stmt_param_count(statement) != prepared.order.size()) {
    throw_error(Errc::invalid_argument,
                fmt::format("node \"{}\": the server counts {} placeholders where there are {}",
                            node_, mysql_stmt_param_count(statement), prepared.order.size()));
  }
  if (cancelling_) {
    co_await settle(call);
    throw_error(failures::cancelled_late(node_, operation.watch.elapsed()));
  }
  co_return prepared;
}

Task<void> MariadbConnection::send_prepare(io::Call call, Operation operation,
                                           MYSQL_STMT* statement, std::string_view sql) {
  int failed = 0;
  failure_ = {};
  int events =
      quietly([&] { return mysql_stmt_prepare_start(&failed, statement, sql.data(), sql.size()); });
  if (events != 0) {
    co_await finish(call, operation, events,
                    [&](int seen) { return mysql_stmt_prepare_cont(&failed, statement, seen); });
  }
  if (failed != 0) failure_ = failure_of(statement);
  check(operation);
}

Task<std::uint64_t> MariadbConnection::ask_message_limit(io::Call call) {
  if (message_limit_ == 0) {
    // A session keeps the limit that the server had when it began.
    const auto rows = co_await run_simple(call, "SELECT @@max_allowed_packet", Effect::read);
    driver::check_shape(rows->row_count(), rows->column_count(), node_, 1, 1);
    message_limit_ = Codec<std::uint64_t>::decode(rows->cell(0, 0));
  }
  co_return message_limit_;
}

// The server reads no further than the length of what is too long for it, and hangs up, mostly
// before its error can be read: then nobody could tell that nothing was executed.
Task<void> MariadbConnection::check_size(io::Call call, std::size_t size) {
  const auto limit = co_await ask_message_limit(call);
  if (size < limit) co_return;
  throw_error(failures::at(
      node_, Errc::invalid_argument,
      fmt::format(
          "nothing was sent: the statement, or its values, take at least {} bytes in one message, "
          "and the server takes less than {} (max_allowed_packet)",
          size, limit)));
}

Task<void> MariadbConnection::close_discarded(io::Call call) {
  auto& statements = cache_.discarded();
  while (!statements.empty()) {
    MYSQL_STMT* const statement = statements.back().handle.release();
    statements.pop_back();
    if (statement == nullptr) continue;
    my_bool failed = 0;
    const Operation operation{Effect::read, driver::Stopwatch(call), AtDeadline::close};
    int events = quietly([&] { return mysql_stmt_close_start(&failed, statement); });
    if (events != 0) {
      co_await finish(call, operation, events,
                      [&](int seen) { return mysql_stmt_close_cont(&failed, statement, seen); });
    }
    check(operation);
  }
}

}  // namespace grant::mariadb
