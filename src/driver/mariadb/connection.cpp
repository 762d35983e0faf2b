#include "connection.hpp"

#include <errmsg.h>
#include <fmt/format.h>
#include <openssl/err.h>
#include <unistd.h>

#include <utility>

#include "driver/failures.hpp"
#include "driver/sockets.hpp"
#include "grant/core/error.hpp"

namespace grant::mariadb {
unsigned int MariadbConnection::server_status() const noexcept {
  unsigned int status = 0;
  mariadb_get_infov(handle_.get(), MARIADB_CONNECTION_SERVER_STATUS, &status);
  return status;
}

MariadbConnection::MariadbConnection(std::shared_ptr<const Target> target)
    : target_(std::move(target)),
      process_(::getpid()),
      cache_(target_->settings.statement_cache_size) {}

MariadbConnection::~MariadbConnection() {
  if (handle_ && process_ != ::getpid()) {
    // In a forked child the session is the parent's: nobody must say goodbye on its socket.
    const int socket = mysql_get_socket(handle_.get());
    if (!driver::point_nowhere(socket)) ::close(socket);
  }
  close();
}

// The connection first: its statements then go without a message to the server for each.
void MariadbConnection::close() noexcept {
  handle_.reset();
  streaming_ = false;
  cache_.clear();
  uncached_.handle.reset();
  forget_tls_errors();
}

bool MariadbConnection::in_transaction() const noexcept {
  return handle_ && (server_status() & SERVER_STATUS_IN_TRANS) != 0;
}

TransactionState MariadbConnection::transaction_state() const noexcept {
  if (handle_ && rolled_back_) return TransactionState::failed;
  return in_transaction() ? TransactionState::open : TransactionState::none;
}

// OpenSSL keeps errors for each thread, and libmariadb takes what another connection, or another
// library, has left there for its own: every call into it has to find none.
// Looking takes far less time than clearing, but locks something when a thread does it first.
void MariadbConnection::forget_tls_errors() noexcept {
  if (!encrypted_) return;
  static constinit thread_local bool known_to_openssl = false;
  if (!std::exchange(known_to_openssl, true)) {
    const grant::detail::LibraryGate::Inside inside(gate());
    static_cast<void>(ERR_peek_error());
  }
  if (ERR_peek_error() != 0) ERR_clear_error();
}

io::Call::Awaiter MariadbConnection::ready(io::Call call, MYSQL* handle, int events) {
  const bool reads = (events & MYSQL_WAIT_READ) != 0;
  const bool writes = (events & MYSQL_WAIT_WRITE) != 0;
  // libmariadb changes the socket when it goes on to another address.
  return call.ready(mysql_get_socket(handle), reads && writes ? io::Interest::read_or_write
                                              : reads         ? io::Interest::read
                                                              : io::Interest::write);
}

// Leaving the call where it waits would leak what it has on its stack, so it is told to give up:
// by the timeout, and by the end of the stream where it does not listen to that (reading from TLS).
int MariadbConnection::seen(io::Outcome outcome, MYSQL* handle, int events) noexcept {
  forget_tls_errors();
  if (outcome == io::Outcome::ready) return events & ~MYSQL_WAIT_TIMEOUT;  // it takes several
  if (interrupted_ == io::Outcome::ready) interrupted_ = outcome;
  cancelling_ = false;
  hang_up(mysql_get_socket(handle));
  return MYSQL_WAIT_TIMEOUT;
}

void MariadbConnection::fail_unsent(std::string_view why) {
  throw_error(failures::unsent(node_, why));
}

void MariadbConnection::fail_rolled_back() {
  if (rolled_back_by_) {
    throw_error(failures::failed_before(*rolled_back_by_, "nothing was sent"));
  }
  throw_error(failures::at(node_, Errc::conflict,
                           "nothing was sent: the server has rolled the transaction back, and "
                           "what follows would not be part of it"));
}

void MariadbConnection::fail_unread() {
  auto info = failures::at(node_, Errc::outcome_unknown,
                           "the statement ran, but its rows could not be read: they have other "
                           "columns than when it was prepared");
  info.native = static_cast<int>(failure_.number);
  throw_error(std::move(info));
}

/// Closes the connection, with which a transaction that `wrote` is in doubt.
void MariadbConnection::leave(ErrorInfo info, bool wrote) {
  if (begun_ && wrote) ended_ = TransactionEnd::unknown;
  close();
  throw_error(std::move(info));
}

void MariadbConnection::fail_lost(Operation operation) {
  auto info = failures::lost(node_, operation.effect, failure_.message);
  info.native = static_cast<int>(failure_.number);
  info.sqlstate = failure_.sqlstate;
  leave(std::move(info), operation.in_transaction && operation.effect == Effect::write);
}

void MariadbConnection::fail_without_memory(Effect effect) {
  leave(failures::no_memory(node_, effect), in_transaction() && effect == Effect::write);
}

void MariadbConnection::fail_too_large(Operation operation) {
  auto info = reading_.most() == kMostForItself
                  ? failures::lost(node_, operation.effect, "the server sends more than asked for")
                  : failures::too_large(node_, operation.effect, reading_.most());
  leave(std::move(info), operation.in_transaction && operation.effect == Effect::write);
}

void MariadbConnection::give_up(Operation operation) {
  auto info = failures::gave_up(node_, operation.effect, interrupted_, operation.watch.elapsed());
  leave(std::move(info), operation.in_transaction && operation.effect == Effect::write);
}

/// Throws when the call that has just ended, and maybe set failure_, ended the connection.
void MariadbConnection::check(Operation operation) {
  if (interrupted_ != io::Outcome::ready && !cancelling_) give_up(operation);
  switch (reading_.end()) {
    case Reading::End::none:
    case Reading::End::refused: break;
    case Reading::End::deadline: interrupted_ = io::Outcome::timed_out; give_up(operation);
    case Reading::End::size: fail_too_large(operation);
  }
  if (failure_.number == CR_OUT_OF_MEMORY) fail_without_memory(operation.effect);
  if (failure_.number != 0 && ends_session(failure_.number)) fail_lost(operation);
}

void MariadbConnection::refuse_while_streaming() const {
  if (!streaming_) return;
  throw_error(failures::at(node_, Errc::invalid_argument,
                           "nothing was sent: rows are being streamed; read them to their end, or "
                           "close the stream"));
}

void MariadbConnection::refuse_in_child() const {
  if (forks_ != grant::detail::forks()) throw_error(failures::of_parent(node_));
}

MariadbConnection::Operation MariadbConnection::start(io::Call call, Effect effect) {
  refuse_in_child();
  if (!handle_) fail_unsent("the connection is closed");
  refuse_while_streaming();
  const auto now = call.now();
  if (call.deadline() <= now) {
    throw_error(failures::deadline_had_passed(node_));
  }
  if (now - last_used_ > driver::kIdleCheckAfter) check_idle();
  last_used_ = now;
  failure_ = {};
  forget_tls_errors();
  interrupted_ = io::Outcome::ready;
  cancelling_ = false;
  reading_.begin(call, target_->settings.max_result_size);
  if (effect == Effect::write) position_told_ = false;
  return {effect, driver::Stopwatch(call, now)};
}

// The server says nothing unasked but that it ends the session. Read now, it proves that nothing
// was executed; read after sending, it would leave the outcome of a write unknown.
void MariadbConnection::check_idle() {
  if (!driver::has_input(mysql_get_socket(handle_.get()))) return;
  close();
  fail_unsent("the server had ended the session");
}

Task<void> MariadbConnection::fail(io::Call call, Operation operation,
                                   std::span<const ValueView> params) {
  auto info = server_error(failure_, node_, params);
  const auto number = failure_.number;
  const bool cancelled = cancelling_ && is_interruption(number);
  if (is_too_large(number)) close();
  if (is_outdated_statement(number)) info.code = Errc::conflict;
  const bool promises = may_end_transaction(info.code) || info.code == Errc::cancelled;
  const bool commits = operation.commits != Commits::never;
  // Looked at before anything else is asked, which would make the server forget it.
  const bool looks = operation.writes && promises && !operation.guarded && handle_;
  const bool inside = in_transaction();
  bool kept = looks && operation.commits == Commits::within && !operation.in_transaction;
  if (looks && !kept) kept = co_await kept_changes(call, operation.in_transaction);
  if (handle_ && (cancelling_ || (in_transaction() && (promises || commits)))) {
    // An error brings no transaction state with it, but the answer to nothing does.
    co_await settle(call);
  }
  // As the answers to what was asked have told.
  if (inside && handle_ && !in_transaction()) rolled_back_ = true;
  if (commits && rolled_back_) {
    // Not the error has ended the transaction, but the statement, before it failed.
    rolled_back_ = false;
    if (begun_ && ended_ == TransactionEnd::none) ended_ = TransactionEnd::committed;
  }
  if (std::exchange(committed_within_, false) && begun_ && ended_ == TransactionEnd::none) {
    ended_ = TransactionEnd::unknown;
  }
  // A server that refuses one statement has done nothing of it; one of many may be another one.
  const bool refused = info.code == Errc::read_only || is_outdated_statement(number);
  if (operation.writes && operation.commits == Commits::itself && !refused) kept = true;
  if (operation.writes && operation.commits == Commits::within) kept = true;
  if (cancelled) {
    const auto sqlstate = info.sqlstate;
    const auto waited = operation.watch.elapsed();
    info =
        kept ? failures::cancelled_in_part(node_, waited) : failures::cancelled_late(node_, waited);
    info.native = static_cast<int>(number);
    info.sqlstate = sqlstate;
  } else if (kept) {
    info = failures::partly_done(std::move(info));
  }
  if (operation.guarded && number == kReadOnlyTransaction)
    info = failures::guarded(std::move(info));
  if (rolled_back_ && !rolled_back_by_) rolled_back_by_ = info;
  throw_error(std::move(info));
}

}  // namespace grant::mariadb
