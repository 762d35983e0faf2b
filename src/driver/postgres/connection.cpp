#include "connection.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <exception>
#include <new>
#include <utility>

#include "driver/failures.hpp"
#include "driver/sockets.hpp"
#include "effects.hpp"
#include "errors.hpp"
#include "grant/core/error.hpp"
#include "grant/io/runtime.hpp"
#include "received.hpp"
#include "result.hpp"

namespace grant::postgres {
namespace {

constexpr std::string_view kFailedTransaction = "25P02";

/// A pooler may give a server's session to several clients, one after the other: with names that
/// anybody else could have, a statement would be taken for another one.
std::string random_prefix() {
  return fmt::format("grant_{:016x}_", io::system_runtime().random_bits());
}

}  // namespace

PostgresConnection::PostgresConnection(const Settings& settings)
    : node_(settings.node),
      process_(::getpid()),
      cache_(settings.statement_cache_size),
      prefix_(random_prefix()),
      lifetime_(settings.statement_lifetime),
      named_(settings.keeps_statements),
      cancel_timeout_(settings.cancel_timeout),
      max_result_size_(settings.max_result_size) {}

PostgresConnection::~PostgresConnection() {
  if (!handle_ || process_ == ::getpid()) return;
  // In a forked child the session is the parent's: PQfinish() must not say goodbye on its socket.
  if (!driver::point_nowhere(PQsocket(handle_.get()))) {
    static_cast<void>(handle_.release());  // rather a leak
  }
}

void PostgresConnection::on_notice(void* self, const PGresult* notice) noexcept {
  if (is_farewell(notice)) {
    static_cast<PostgresConnection*>(self)->farewell_ = sqlstate_of(notice);
  }
}

bool PostgresConnection::is_open() const noexcept {
  return handle_ && PQstatus(handle_.get()) == CONNECTION_OK;
}

TransactionState PostgresConnection::transaction_state() const noexcept {
  switch (PQtransactionStatus(handle_.get())) {
    case PQTRANS_ACTIVE:
    case PQTRANS_INTRANS: return TransactionState::open;
    case PQTRANS_INERROR: return TransactionState::failed;
    case PQTRANS_IDLE:
    case PQTRANS_UNKNOWN: break;
  }
  return TransactionState::none;
}

NodeKind PostgresConnection::kind_hint() const noexcept {
  // Reported by PostgreSQL 14 and later.
  const char* standby = PQparameterStatus(handle_.get(), "in_hot_standby");
  if (standby == nullptr) return NodeKind::unknown;
  return standby == std::string_view("on") ? NodeKind::replica : NodeKind::primary;
}

void PostgresConnection::close() noexcept {
  handle_.reset();
  // It may have been committed. Nobody waits for anything here.
  if (unsettled_ != driver::SchemaEffect::none) settle_schema(io::system_runtime().now());
}

void PostgresConnection::fail_unsent(std::string_view why, std::string_view sqlstate) {
  auto info = failures::unsent(node_, why);
  info.sqlstate = sqlstate;
  throw_error(std::move(info));
}

/// Closes the connection, with which a transaction that `wrote` is in doubt.
void PostgresConnection::leave(ErrorInfo info, bool wrote) {
  if (begun_ && wrote) ended_ = TransactionEnd::unknown;
  close();
  throw_error(std::move(info));
}

void PostgresConnection::fail_lost(const Operation& operation, std::string_view why) {
  std::string_view seen = why.empty() ? first_line(PQerrorMessage(handle_.get())) : why;
  std::string_view sqlstate = farewell_;
  if (const PGresult* last_words = failure(); last_words != nullptr && why.empty()) {
    sqlstate = sqlstate_of(last_words);
    if (!sqlstate.empty()) seen = PQresultErrorField(last_words, PG_DIAG_MESSAGE_PRIMARY);
  }
  auto info = failures::lost(node_, operation.effect, seen);
  info.sqlstate = sqlstate;
  // A standby ended the session in favour of replay: nothing is in doubt.
  if (sqlstate.starts_with("40") && !operation.may_commit) info.code = Errc::conflict;
  leave(std::move(info), operation.in_transaction && operation.effect == Effect::write);
}

void PostgresConnection::give_up(io::Outcome outcome, const Operation& operation) {
  auto info = failures::gave_up(node_, operation.effect, outcome, operation.watch.elapsed());
  leave(std::move(info), operation.in_transaction && operation.effect == Effect::write);
}

void PostgresConnection::fail_too_large(const Operation& operation) {
  if (operation.most == kMostForItself)
    fail_lost(operation, "the server sends more than asked for");
  auto info = failures::too_large(node_, operation.effect, operation.most);
  leave(std::move(info), operation.in_transaction && operation.effect == Effect::write);
}

void PostgresConnection::refuse_in_child() const {
  if (forks_ != grant::detail::forks()) throw_error(failures::of_parent(node_));
}

PostgresConnection::Operation PostgresConnection::start(io::Call call, Effect effect) {
  refuse_in_child();
  if (!handle_) fail_unsent("the connection is closed");
  if (streaming_) {
    throw_error(failures::at(node_, Errc::invalid_argument,
                             "a stream of rows is open on this connection: close it first"));
  }
  const auto now = call.now();
  if (call.deadline() <= now) {
    throw_error(failures::deadline_had_passed(node_));
  }
  static constinit thread_local bool known_to_openssl = false;
  if (PQsslInUse(handle_.get()) != 0 && !std::exchange(known_to_openssl, true)) {
    // What a thread does first with OpenSSL locks something there.
    const grant::detail::LibraryGate::Inside inside(gate());
    static_cast<void>(PQconsumeInput(handle_.get()));
    check_idle();
  } else if (now - last_used_ > driver::kIdleCheckAfter) {
    check_idle();
  }
  last_used_ = now;
  cancelled_late_ = false;
  untouched_ = false;
  if (effect == Effect::write) position_.reset();
  return {effect, driver::Stopwatch(call, now)};
}

// A server that ended the session has left its farewell in the socket. Read now, it proves that
// nothing was executed; read after sending, it would leave the outcome of a write unknown.
void PostgresConnection::check_idle() {
  while (driver::has_input(PQsocket(handle_.get()))) {
    const bool lost = PQconsumeInput(handle_.get()) == 0;
    static_cast<void>(PQisBusy(handle_.get()));  // makes libpq look at what it has read
    if (lost || !farewell_.empty() || PQstatus(handle_.get()) != CONNECTION_OK) {
      close();
      fail_unsent("the server had ended the session", farewell_);
    }
  }
}

bool PostgresConnection::in_transaction() const noexcept {
  return PQtransactionStatus(handle_.get()) != PQTRANS_IDLE;
}

PostgresConnection::Operation PostgresConnection::harmless(driver::Stopwatch watch) const {
  Operation operation{Effect::read, watch};
  operation.in_transaction = in_transaction();
  return operation;
}

PostgresConnection::Operation PostgresConnection::operation_of(const Statement& statement,
                                                               bool may_commit,
                                                               driver::Stopwatch watch) const {
  auto operation = harmless(watch);
  operation.effect = statement.effect;
  operation.most = max_result_size_;
  const bool ends = operation.in_transaction && may_end_transaction(statement.sql);
  // Losing it before the commit loses the transaction, and nothing else.
  if (operation.in_transaction && !ends) operation.effect = Effect::read;
  operation.may_commit = may_commit && !operation.in_transaction && !statement.guarded &&
                         statement.effect == Effect::write;
  return operation;
}

ErrorInfo PostgresConnection::failure_info(const PGresult* failed, const Operation& operation,
                                           std::span<const ValueView> params) {
  if (sqlstate_of(failed).empty()) {
    // Of libpq's own: mostly it has no memory for the rows, and the server has done its part. It
    // tells by its words alone, which are translated only where the program has set a locale.
    const std::string_view why = first_line(PQresultErrorMessage(failed));
    const bool no_memory = why.find("out of memory") != std::string_view::npos;
    if (!no_memory || PQstatus(handle_.get()) != CONNECTION_OK) fail_lost(operation);
    fail_without_memory(operation.effect, why);
  }
  auto info = server_error(failed, node_, params, operation.has_values || !params.empty());
  if (info.code == Errc::outcome_unknown && operation.effect == Effect::read) {
    info.code = Errc::unavailable;
  }
  if (info.code == Errc::cancelled && cancelled_late_) {
    const auto waited = operation.watch.elapsed();
    info = operation.may_commit ? failures::cancelled_in_part(node_, waited)
                                : failures::cancelled_late(node_, waited);
    info.sqlstate = sqlstate_of(failed);
  }
  if (operation.guarded && refuses_guarded(info.sqlstate))
    info = failures::guarded(std::move(info));
  // A standby has refused before anything was done.
  const bool refused = info.code == Errc::read_only && kind_hint() == NodeKind::replica;
  if (operation.may_commit && !refused) info = failures::partly_done(std::move(info));
  if (!operation.in_transaction) return info;
  if (info.sqlstate == kFailedTransaction && first_failure_) {
    return failures::failed_before(*first_failure_, "nothing was executed");
  }
  if (!first_failure_) first_failure_ = info;
  return info;
}

void PostgresConnection::fail(const Operation& operation, std::span<const ValueView> params) {
  throw_error(failure_info(failure(), operation, params));
}

void PostgresConnection::fail_without_memory(Effect effect, std::string_view why) {
  leave(failures::no_memory(node_, effect, why), in_transaction() && effect == Effect::write);
}

}  // namespace grant::postgres
