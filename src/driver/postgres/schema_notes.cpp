// When what was learnt of statements has to be asked for again.
#include <algorithm>

#include "connection.hpp"

namespace grant::postgres {
namespace {

/// Made by this process, through whichever connection.
driver::SchemaChanges& changes() noexcept {
  static constinit driver::SchemaChanges all;
  return all;
}

}  // namespace

TimePoint PostgresConnection::schema_changed() const noexcept {
  return std::max(names_moved_, changes().last());
}

void PostgresConnection::note_schema(io::Call call, driver::SchemaEffect effect) noexcept {
  if (effect != driver::SchemaEffect::none) note_schema(call.now(), effect);
}

void PostgresConnection::note_schema(TimePoint now, driver::SchemaEffect effect) noexcept {
  names_moved_ = now;
  if (effect == driver::SchemaEffect::everyone) changes().note(names_moved_);
  const bool in_transaction = handle_ && PQtransactionStatus(handle_.get()) != PQTRANS_IDLE;
  if (in_transaction) unsettled_ = std::max(unsettled_, effect);
}

void PostgresConnection::settle_schema(io::Call call) noexcept {
  if (unsettled_ != driver::SchemaEffect::none) settle_schema(call.now());
}

void PostgresConnection::settle_schema(TimePoint now) noexcept {
  const bool over = !handle_ || PQtransactionStatus(handle_.get()) == PQTRANS_IDLE;
  note_schema(now, unsettled_);
  if (over) unsettled_ = driver::SchemaEffect::none;
}

}  // namespace grant::postgres
