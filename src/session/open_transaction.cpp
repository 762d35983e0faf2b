#include "open_transaction.hpp"

#include <fmt/format.h>

#include <string>

#include "driver/words.hpp"
#include "grant/core/error.hpp"
#include "session_state.hpp"
#include "with_connection.hpp"

namespace grant::detail {
namespace {

/// Whether the server refused a write because the node takes none any more, and not because the
/// transaction or a setting of the session does not.
bool is_demotion(const ErrorInfo& info, const Node& node, const Connection& connection) {
  return info.code == Errc::read_only && !node.driver().blames_transaction(info) &&
         connection.kind_hint() != NodeKind::primary;
}

/// What has ended a transaction, and what that means for what came before.
ErrorInfo ended(const Cluster& cluster, TransactionEnd end, std::string_view sql) {
  ErrorInfo info;
  const std::string word(driver::Words(sql).next());
  const auto* meaning = "whether what came before it is stored is not known";
  info.code = Errc::outcome_unknown;
  if (end == TransactionEnd::committed) meaning = "what came before it is stored";
  if (end == TransactionEnd::rolled_back) meaning = "what came before it is not stored";
  if (end != TransactionEnd::unknown) info.code = Errc::invalid_argument;
  info.message = fmt::format("database \"{}\": a statement ({} ...) has ended the transaction: {}",
                             cluster.name(), word, meaning);
  return info;
}

}  // namespace

OpenTransaction::OpenTransaction(const Place& place, Attempt attempt, Effect effect,
                                 TransactionRuns* runs)
    : context_(place.context()),
      session_(&place.session()),
      found_(place.found()),
      newer_(std::move(attempt.chosen.newer)),
      node_(attempt.chosen.node),
      in_flight_(std::move(attempt.in_flight)),
      lease_(std::move(attempt.lease)),
      effect_(effect),
      runs_(runs) {}

OpenTransaction::~OpenTransaction() = default;

OpenTransaction::InUse::InUse(OpenTransaction& transaction) : transaction_(transaction) {
  if (!transaction.in_use_.exchange(true, std::memory_order_acquire)) return;
  throw_error(Errc::invalid_argument,
              fmt::format("database \"{}\": another statement is under way in the transaction, "
                          "which takes one at a time; nothing of this one was sent",
                          transaction.cluster().name()));
}

void OpenTransaction::mark_written() const {
  session_->wrote(cluster(), found_->table->options.routing.sticky_period);
}

void OpenTransaction::refuse_if_over(std::string_view tried) const {
  if (!over_) return;
  auto info = *over_;
  info.message += fmt::format("; {}", tried);
  throw_error(std::move(info));
}

void OpenTransaction::look(std::string_view sql) {
  if (over_) return;
  auto& connection = *lease_;
  auto end = connection.ended_underneath();
  if (end == TransactionEnd::none) {
    const bool gone =
        connection.is_open() && connection.transaction_state() == TransactionState::none;
    if (!gone) return;
    end = TransactionEnd::unknown;
  }
  over_ = ended(cluster(), end, sql);
  if (end == TransactionEnd::rolled_back) return;
  note(TransactionRuns::Fate::kept);
  if (wrote_) mark_written();
}

void OpenTransaction::fail(const Statement& statement, const Error& error) {
  // A transaction for reading refuses writes on any node, and a guarded statement is refused them.
  const bool reads = effect_ == Effect::read || statement.guarded;
  const auto effect = reads ? Effect::read : statement.effect;
  report_failure(cluster().topology(), node_, effect, error, *lease_);
  if (statement.effect == Effect::write) note_write();
  auto info = error.info();
  const bool lost = !lease_->is_open();
  if (lost && info.code == Errc::outcome_unknown &&
      lease_->ended_underneath() == TransactionEnd::none) {
    info.code = Errc::unavailable;
  }
  look(statement.sql);
  rethrow(std::move(info), effect);
}

void OpenTransaction::fail_commit(const Error& error) {
  report_failure(cluster().topology(), node_, effect_, error, *lease_);
  rethrow(error.info(), effect_);
}

void OpenTransaction::rethrow(ErrorInfo info, Effect effect) {
  const bool lost = !lease_->is_open();
  if (info.code == Errc::outcome_unknown) {
    note(TransactionRuns::Fate::kept);
    if (wrote_) mark_written();
  } else if (effect == Effect::write && is_demotion(info, node_, *lease_)) {
    // The primary is another node now, or will be: there the whole can be done again.
    info.code = Errc::unavailable;
    info.message += "; the node takes no writes any more, and the transaction was not committed";
    note(TransactionRuns::Fate::lost);
  } else if (lost && !over_) {
    info.message += "; the transaction was not committed";
    note(TransactionRuns::Fate::lost);
    over_ = info;  // what follows says so too, and does not blame the node again
  }
  throw_error(std::move(info));
}

}  // namespace grant::detail
