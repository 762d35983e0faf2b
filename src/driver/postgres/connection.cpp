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
      channel_(settings, *this),
      cache_(settings.statement_cache_size),
      prefix_(random_prefix()),
      lifetime_(settings.statement_lifetime),
      named_(settings.keeps_statements),
      max_result_size_(settings.max_result_size) {}

TransactionState PostgresConnection::transaction_state() const noexcept {
  switch (PQtransactionStatus(channel_.handle())) {
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
  const char* standby = PQparameterStatus(channel_.handle(), "in_hot_standby");
  if (standby == nullptr) return NodeKind::unknown;
  return standby == std::string_view("on") ? NodeKind::replica : NodeKind::primary;
}

void PostgresConnection::on_closed(bool in_doubt) noexcept {
  if (begun_ && in_doubt) ended_ = TransactionEnd::unknown;
  // It may have been committed. Nobody waits for anything here.
  if (unsettled_ != driver::SchemaEffect::none) settle_schema(io::system_runtime().now());
}

Operation PostgresConnection::start(io::Call call, Effect effect) {
  const auto operation = channel_.start(call, effect);
  untouched_ = false;
  at_stake_ = Effect::read;  // nothing was sent
  if (effect == Effect::write) position_.reset();
  return operation;
}

Operation PostgresConnection::harmless(driver::Stopwatch watch) const {
  Operation operation{Effect::read, watch};
  operation.in_transaction = channel_.in_transaction();
  return operation;
}

void PostgresConnection::complete(Operation& operation, const Statement& statement,
                                  bool may_commit) const {
  operation.effect = statement.effect;
  operation.most = max_result_size_;
  const bool ends = operation.in_transaction && may_end_transaction(statement.sql);
  // Losing it before the commit loses the transaction, and nothing else.
  if (operation.in_transaction && !ends) operation.effect = Effect::read;
  operation.may_commit = may_commit && !operation.in_transaction && !statement.guarded &&
                         statement.effect == Effect::write;
}

ErrorInfo PostgresConnection::failure_info(const PGresult* failed, const Operation& operation,
                                           std::span<const ValueView> params) {
  if (sqlstate_of(failed).empty()) {
    // Of libpq's own: mostly it has no memory for the rows, and the server has done its part. It
    // tells by its words alone, which are translated only where the program has set a locale.
    const std::string_view why = first_line(PQresultErrorMessage(failed));
    const bool no_memory = why.find("out of memory") != std::string_view::npos;
    if (!no_memory || !channel_.is_open()) channel_.fail_lost(operation);
    channel_.fail_without_memory(operation.effect, why);
  }
  auto info = server_error(failed, node_, params, operation.has_values || !params.empty());
  if (info.code == Errc::outcome_unknown && operation.effect == Effect::read) {
    info.code = Errc::unavailable;
  }
  if (info.code == Errc::cancelled && channel_.cancelled_late()) {
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
  throw_error(failure_info(channel_.failure(), operation, params));
}

}  // namespace grant::postgres
