#include "connection.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <exception>
#include <new>
#include <utility>

#include "driver/failures.hpp"
#include "errors.hpp"
#include "grant/core/error.hpp"
#include "grant/io/runtime.hpp"
#include "received.hpp"
#include "result.hpp"
#include "session.hpp"

namespace grant::postgres {
namespace {

// Asking the socket costs a system call: not for a connection in steady use.
constexpr auto kIdleCheckAfter = std::chrono::milliseconds(20);

constexpr std::string_view kFailedTransaction = "25P02";

const char* begin_command(TransactionOptions options) {
  const bool reads = options.effect == Effect::read;
  switch (options.isolation) {
    case Isolation::engine_default: return reads ? "BEGIN READ ONLY" : "BEGIN";
    case Isolation::read_committed:
      return reads ? "BEGIN ISOLATION LEVEL READ COMMITTED READ ONLY"
                   : "BEGIN ISOLATION LEVEL READ COMMITTED";
    case Isolation::repeatable_read:
      return reads ? "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
                   : "BEGIN ISOLATION LEVEL REPEATABLE READ";
    case Isolation::serializable:
      return reads ? "BEGIN ISOLATION LEVEL SERIALIZABLE READ ONLY"
                   : "BEGIN ISOLATION LEVEL SERIALIZABLE";
  }
  return "BEGIN";
}

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
  const int nowhere = ::open("/dev/null", O_RDWR | O_CLOEXEC);
  if (nowhere < 0 || ::dup2(nowhere, PQsocket(handle_.get())) < 0) {
    static_cast<void>(handle_.release());  // rather a leak
  }
  if (nowhere >= 0) ::close(nowhere);
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

void PostgresConnection::refuse_copy(ExecStatusType status) {
  if (status != PGRES_COPY_IN && status != PGRES_COPY_OUT && status != PGRES_COPY_BOTH) return;
  close();
  throw_error(failures::at(node_, Errc::invalid_argument,
                           "COPY cannot be run as a statement; the connection was closed"));
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

void PostgresConnection::fail_lost(Operation operation, std::string_view why) {
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

void PostgresConnection::give_up(io::Outcome outcome, Operation operation) {
  auto info = failures::gave_up(node_, operation.effect, outcome, operation.watch.elapsed());
  leave(std::move(info), operation.in_transaction && operation.effect == Effect::write);
}

void PostgresConnection::fail_too_large(Operation operation) {
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
  } else if (now - last_used_ > kIdleCheckAfter) {
    check_idle();
  }
  last_used_ = now;
  cancelled_late_ = false;
  untouched_ = false;
  return {effect, driver::Stopwatch(call, now)};
}

// A server that ended the session has left its farewell in the socket. Read now, it proves that
// nothing was executed; read after sending, it would leave the outcome of a write unknown.
void PostgresConnection::check_idle() {
  pollfd entry{PQsocket(handle_.get()), POLLIN, 0};
  while (::poll(&entry, 1, 0) > 0) {
    const bool lost = PQconsumeInput(handle_.get()) == 0;
    static_cast<void>(PQisBusy(handle_.get()));  // makes libpq look at what it has read
    if (lost || !farewell_.empty() || PQstatus(handle_.get()) != CONNECTION_OK) {
      close();
      fail_unsent("the server had ended the session", farewell_);
    }
  }
}

bool PostgresConnection::flush(Operation operation) {
  const int unsent = PQflush(handle_.get());
  if (unsent < 0) fail_lost(operation);
  return unsent > 0;
}

bool PostgresConnection::is_over(driver::Overtime& overtime, io::Call call, int socket) {
  constexpr int at_once = 8192;  // what libpq reads at least, where there is as much
  return overtime.is_over(call.now(), call.deadline(), at_once,
                          [&] { return driver::arrived_at(socket); });
}

Task<void> PostgresConnection::flush_all(io::Call call, Operation operation) {
  while (flush(operation)) {
    auto outcome = co_await call.ready(PQsocket(handle_.get()), io::Interest::read_or_write);
    if (call.deadline() <= call.now()) outcome = io::Outcome::timed_out;
    if (outcome != io::Outcome::ready) give_up(outcome, operation);
    // A server that cannot get rid of its answers stops listening.
    if (PQconsumeInput(handle_.get()) == 0) fail_lost(operation);
  }
}

Task<void> PostgresConnection::receive(io::Call call, Operation operation, const TakeAnswer& take) {
  PGconn* const handle = handle_.get();
  const bool pipelined = PQpipelineStatus(handle) != PQ_PIPELINE_OFF;
  answers_.clear();
  driver::Overtime overtime;
  Received received;
  while (true) {
    bool unsent = flush(operation);
    while (unsent || PQisBusy(handle) != 0) {
      // Reads while it sends: a server that cannot get rid of its answers stops listening.
      const auto interest = unsent ? io::Interest::read_or_write : io::Interest::read;
      io::Outcome outcome = co_await call.ready(PQsocket(handle), interest);
      const bool ready = outcome == io::Outcome::ready;
      if (ready && is_over(overtime, call, PQsocket(handle))) {
        outcome = io::Outcome::timed_out;
      }
      if (outcome != io::Outcome::ready) {
        overtime = {};
        if (co_await cancel_late(call, outcome, operation)) continue;
        give_up(outcome, operation);
      }
      received.note(PQsocket(handle));
      if (operation.most != 0 && received.bytes() > operation.most) fail_too_large(operation);
      if (PQconsumeInput(handle) == 0) fail_lost(operation);
      if (unsent) unsent = flush(operation);
    }
    ResultHandle answer(PQgetResult(handle));
    if (!answer) {
      if (!pipelined || PQstatus(handle) != CONNECTION_OK) break;
      continue;  // between the answers to two commands
    }
    received.note_answer(PQresultMemorySize(answer.get()));
    if (operation.most != 0 && received.bytes() > operation.most) fail_too_large(operation);
    const auto status = PQresultStatus(answer.get());
    if (status == PGRES_PIPELINE_SYNC) break;
    if (status == PGRES_COPY_IN && operation.copies) co_return;  // the server waits for rows
    refuse_copy(status);
    // The last words on a connection are nobody's answer.
    const bool lost = PQstatus(handle) != CONNECTION_OK || is_farewell(answer.get());
    if (take && !lost) take(answer);
    if (answer) answers_.push_back(std::move(answer));
    // More than one of Grant's own commands, or a statement, ever has: the server makes them up.
    constexpr std::size_t most = 64;
    if (answers_.size() > most) {
      fail_lost(operation, "the server gives more answers than it was asked for");
    }
  }
  if (PQstatus(handle) != CONNECTION_OK) fail_lost(operation);
  if (PQtransactionStatus(handle) == PQTRANS_IDLE) settle_schema(call);
}

const PGresult* PostgresConnection::failure() const noexcept {
  for (const auto& answer : answers_) {
    if (PQresultStatus(answer.get()) == PGRES_FATAL_ERROR) return answer.get();
  }
  return nullptr;
}

const PGresult* PostgresConnection::final_answer(Operation operation) {
  // A server that says that it is ready, and nothing before that, is none.
  if (answers_.empty()) fail_lost(operation);
  return answers_.back().get();
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

void PostgresConnection::follow_transaction(const PGresult* answer, std::string_view sql) noexcept {
  if (!begun_ || ended_ != TransactionEnd::none || !handle_) return;
  const bool gone = PQtransactionStatus(handle_.get()) == PQTRANS_IDLE;
  const std::string_view tag = answer != nullptr ? PQcmdStatus(const_cast<PGresult*>(answer)) : "";
  if (tag == "COMMIT") {
    ended_ = TransactionEnd::committed;  // also AND CHAIN
  } else if (tag == "PREPARE TRANSACTION") {
    ended_ = TransactionEnd::unknown;
  } else if (gone || (tag == "ROLLBACK" && is_chained(sql))) {
    ended_ = TransactionEnd::rolled_back;
  }
}

ErrorInfo PostgresConnection::failure_info(const PGresult* failed, Operation operation,
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

void PostgresConnection::fail(Operation operation, std::span<const ValueView> params) {
  throw_error(failure_info(failure(), operation, params));
}

void PostgresConnection::send(int queued, Operation operation) {
  if (queued != 0) return;
  if (PQstatus(handle_.get()) != CONNECTION_OK) fail_lost(operation);
  const std::string why(first_line(PQerrorMessage(handle_.get())));
  if (PQpipelineStatus(handle_.get()) != PQ_PIPELINE_OFF) close();  // half a pipeline is queued
  fail_unsent(why);
}

void PostgresConnection::fail_without_memory(Effect effect, std::string_view why) {
  leave(failures::no_memory(node_, effect, why), in_transaction() && effect == Effect::write);
}

Task<std::unique_ptr<Result>> PostgresConnection::execute(io::Call call, Statement statement) try {
  const auto last_answer = last_used_;
  bool may_begin_again = untouched_;
  Operation operation = start(call, statement.effect);
  const auto watch = operation.watch;
  const bool guarded = needs_guard(statement, watch.started() - last_answer);
  refuse_too_many(statement.params);
  std::shared_ptr<const Columns> columns;
  bool is_kept_there = false;
  std::optional<ErrorInfo> doubted;  // an error that stands, unless the types have changed
  std::vector<Oid> doubted_types;
  while (true) {
    const Prepared* prepared = find_prepared(statement.sql, watch.started());
    const bool cached = prepared != nullptr;
    if (!cached) prepared = co_await prepare(call, statement.sql);
    if (doubted && prepared->parameter_types == doubted_types) throw_error(*std::move(doubted));
    doubted.reset();
    std::exception_ptr misfit;
    try {
      binder_.bind(statement.params, prepared->parameter_types);
    } catch (const Error&) {
      misfit = std::current_exception();
    }
    if (misfit) {
      if (!cached) std::rethrow_exception(misfit);
      cache_.erase(statement.sql);  // the types may have changed
      continue;
    }
    if (prepared->mentions_session) session_changed_ = true;
    if (!in_transaction()) first_failure_.reset();
    operation = operation_of(statement, prepared->may_commit, watch);
    operation.cancellable = true;
    operation.guarded = guarded;
    columns = prepared->columns;
    is_kept_there = !prepared->name.empty();
    if (guarded) {
      co_await run_guarded(call, operation, *prepared);
    } else {
      send_execute(*prepared, operation);
      binder_.trim();  // libpq has its own copy
      co_await receive(call, operation);
    }
    const PGresult* failed = failure();
    if (failed == nullptr) {
      if (prepared->moves_names) note_schema(call, driver::SchemaEffect::session);
      break;
    }
    follow_transaction(nullptr, statement.sql);
    // Nothing was executed. The second time round it is not cached, the third time not kept.
    const auto staleness = staleness_of(failed, prefix_);
    bool again =
        cached ? staleness != Staleness::none : staleness == Staleness::lost && is_kept_there;
    if (again && staleness == Staleness::types) {
      // Most often it is the value's own fault: no transaction is begun again for it, and no
      // procedure called twice, which may have committed.
      again = PQtransactionStatus(handle_.get()) == PQTRANS_IDLE && columns->fixed;
      doubted = failure_info(failed, operation, statement.params);
      doubted_types = prepared->parameter_types;
    }
    if (cached || staleness != Staleness::types) forget_outdated(call, staleness, statement.sql);
    if (!again) fail(operation, statement.params);
    if (PQtransactionStatus(handle_.get()) == PQTRANS_IDLE) continue;
    // A failed transaction would refuse; but nobody can tell a new one from it that did nothing.
    if (!std::exchange(may_begin_again, false)) fail_outdated(operation, statement.params);
    co_await begin_again(call);
  }
  if (PQresultStatus(final_answer(operation)) == PGRES_EMPTY_QUERY) {
    throw_error(Errc::invalid_argument, kEmptyStatement);
  }
  note_command(call, answers_.back().get(), statement.sql);
  follow_transaction(answers_.back().get(), statement.sql);
  auto answer = std::move(answers_.back());
  if (!is_kept_there && !columns->fit(answer.get())) {
    cache_.erase(statement.sql);
    co_return std::make_unique<PostgresResult>(std::move(answer));
  }
  co_return result_of(std::move(answer), columns);
} catch (const std::bad_alloc&) {
  // What was not committed is gone with the connection.
  fail_without_memory(in_transaction() ? Effect::read : statement.effect);
}

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

void PostgresConnection::fail_outdated(Operation operation, std::span<const ValueView> params) {
  auto info = failure_info(failure(), operation, params);
  info.code = Errc::conflict;
  info.message +=
      "; what the statement names has changed since it was prepared: run the transaction again";
  throw_error(std::move(info));
}

Task<void> PostgresConnection::begin_again(io::Call call) {
  const auto options = transaction_;
  co_await run_simple(call, "ROLLBACK", Effect::read);
  co_await run_simple(call, begin_command(options), Effect::read);
  ended_ = TransactionEnd::none;
  first_failure_.reset();
}

std::string PostgresConnection::next_name() { return fmt::format("{}{}", prefix_, ++names_); }

std::size_t PostgresConnection::send_prepare(const Prepared& prepared, Operation operation) {
  PGconn* const handle = handle_.get();
  const bool at_length = is_described_at_length(prepared.sql);
  // The server knows the types of named statements only.
  const bool borrows_name = at_length && prepared.name.empty();
  const std::string own = borrows_name ? next_name() : prepared.name;
  const char* const name = own.c_str();
  send(PQsendPrepare(handle, name, prepared.sql.c_str(), 0, nullptr), operation);
  if (at_length) {
    send(PQsendQueryParams(handle, kParameterTypes, 1, nullptr, &name, nullptr, nullptr, 0),
         operation);
  } else {
    send(PQsendDescribePrepared(handle, name), operation);
  }
  if (!borrows_name) return 2;
  send_deallocate(own, operation);
  return 3;
}

void PostgresConnection::send_deallocate(const std::string& name, Operation operation) {
  send(PQsendQueryParams(handle_.get(), ("DEALLOCATE " + name).c_str(), 0, nullptr, nullptr,
                         nullptr, nullptr, 1),
       operation);
}

void PostgresConnection::send_execute(const Prepared& prepared, Operation operation) {
  PGconn* const handle = handle_.get();
  const int sent =
      prepared.name.empty()
          ? PQsendQueryParams(handle, prepared.sql.c_str(), binder_.count(),
                              prepared.parameter_types.data(), binder_.values(), binder_.lengths(),
                              binder_.formats(), prepared.result_format())
          : PQsendQueryPrepared(handle, prepared.name.c_str(), binder_.count(), binder_.values(),
                                binder_.lengths(), binder_.formats(), prepared.result_format());
  send(sent, operation);
}

Task<Prepared> PostgresConnection::parse_locked(io::Call call, std::string sql, const char* begin) {
  const Operation operation = harmless(driver::Stopwatch(call));
  auto parsed = unprepared(sql, operation.watch.started());
  send(PQenterPipelineMode(handle_.get()), operation);
  if (begin != nullptr) {
    send(PQsendQueryParams(handle_.get(), begin, 0, nullptr, nullptr, nullptr, nullptr, 1),
         operation);
  }
  const auto described = send_prepare(parsed, operation) - 1;
  send(PQpipelineSync(handle_.get()), operation);
  co_await receive(call, operation);
  send(PQexitPipelineMode(handle_.get()), operation);
  if (const PGresult* failed = failure()) {
    auto info = failure_info(failed, operation, {});
    if (begin != nullptr) co_await undo(call);
    throw_error(std::move(info));
  }
  describe(parsed, answers_[answers_.size() - described].get());
  co_return parsed;
}

Task<void> PostgresConnection::undo(io::Call call) {
  if (!is_open()) co_return;
  try {
    co_await rollback(call);
  } catch (const Error&) {
    close();
  }
}

Task<Prepared*> PostgresConnection::prepare(io::Call call, std::string_view sql) {
  PGconn* const handle = handle_.get();
  // Preparing changes nothing, whatever the statement will do.
  const Operation operation = harmless(driver::Stopwatch(call));
  const bool keep = cache_.capacity() > 0;
  auto prepared = unprepared(sql, operation.watch.started());
  if (keep && named_) prepared.name = next_name();

  // Inside a transaction a DEALLOCATE that fails would spoil it, so the names wait.
  const bool tidy = PQtransactionStatus(handle) == PQTRANS_IDLE;
  std::erase_if(cache_.discarded(), [](const Prepared& gone) { return gone.name.empty(); });
  send(PQenterPipelineMode(handle), operation);
  const auto own_answers = send_prepare(prepared, operation);
  if (tidy) {
    for (const auto& gone : cache_.discarded()) send_deallocate(gone.name, operation);
  }
  send(PQpipelineSync(handle), operation);
  co_await receive(call, operation);
  send(PQexitPipelineMode(handle), operation);
  forget_discarded(own_answers);
  if (failure() != nullptr) fail(operation, {});

  describe(prepared, answers_[1].get());
  if (keep) co_return cache_.insert(std::move(prepared));
  unnamed_ = std::move(prepared);
  co_return &unnamed_;
}

// The answers after the first `own` are those to DEALLOCATE. One that failed named a statement that
// the server does not know any more, and kept the ones after it from being run.
void PostgresConnection::forget_discarded(std::size_t own) {
  auto& gone = cache_.discarded();
  for (std::size_t i = own; i < answers_.size(); ++i) {
    if (PQresultStatus(answers_[i].get()) != PGRES_PIPELINE_ABORTED) gone.pop_front();
  }
  if (answers_.size() > own) answers_.resize(own);
}

Task<void> PostgresConnection::run_simple(io::Call call, const char* commands, Effect effect) {
  Operation operation = start(call, effect);
  operation.in_transaction = in_transaction();
  send(PQsendQuery(handle_.get(), commands), operation);
  co_await receive(call, operation);
  if (failure() != nullptr) fail(operation, {});
  static_cast<void>(final_answer(operation));
}

Task<void> PostgresConnection::begin(io::Call call, TransactionOptions options) {
  if (transaction_state() != TransactionState::none) {
    throw_error(Errc::invalid_argument,
                fmt::format("node \"{}\": a transaction is open already", node_));
  }
  co_await run_simple(call, begin_command(options), Effect::read);
  transaction_effect_ = options.effect;
  begun_ = true;
  ended_ = TransactionEnd::none;
  first_failure_.reset();
  transaction_ = options;
  untouched_ = true;
}

Task<void> PostgresConnection::commit(io::Call call) {
  begun_ = false;
  ended_ = TransactionEnd::none;
  if (handle_ && transaction_state() == TransactionState::none) {
    throw_error(Errc::invalid_argument, fmt::format("node \"{}\": no transaction is open", node_));
  }
  const auto first = std::exchange(first_failure_, std::nullopt);
  co_await run_simple(call, "COMMIT", transaction_effect_);
  first_failure_.reset();
  if (PQcmdStatus(answers_.back().get()) != std::string_view("ROLLBACK")) co_return;
  throw_error(first ? failures::failed_before(*first, "the transaction was rolled back")
                    : failures::at(node_, Errc::conflict,
                                   "the transaction was rolled back, because a statement in it "
                                   "had failed"));
}

Task<void> PostgresConnection::rollback(io::Call call) {
  begun_ = false;
  ended_ = TransactionEnd::none;
  first_failure_.reset();
  // The server rolls back by itself when a connection ends.
  if (transaction_state() == TransactionState::none) co_return;
  co_await run_simple(call, "ROLLBACK", Effect::read);
}

}  // namespace grant::postgres
