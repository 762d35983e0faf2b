#include "channel.hpp"

#include <unistd.h>

#include <utility>

#include "cancel.hpp"
#include "driver/failures.hpp"
#include "driver/sockets.hpp"
#include "errors.hpp"

namespace grant::postgres {

Channel::Channel(const Settings& settings, Meaning& meaning)
    : node_(settings.node),
      meaning_(meaning),
      cancel_timeout_(settings.cancel_timeout),
      process_(::getpid()) {}

Channel::~Channel() {
  if (!handle_ || process_ == ::getpid()) return;
  // In a forked child the session is the parent's: PQfinish() must not say goodbye on its socket.
  if (!driver::point_nowhere(PQsocket(handle_.get()))) {
    static_cast<void>(handle_.release());  // rather a leak
  }
}

void Channel::hear(PGconn* handle) noexcept {
  PQsetNoticeReceiver(handle, &Channel::on_notice, this);
}

void Channel::open(ConnectionHandle handle, TimePoint now) {
  handle_ = std::move(handle);
  hidden_.emplace(PQsocket(handle_.get()));
  last_used_ = now;
}

void Channel::on_notice(void* self, const PGresult* notice) noexcept {
  if (is_farewell(notice)) static_cast<Channel*>(self)->farewell_ = sqlstate_of(notice);
}

bool Channel::is_open() const noexcept {
  return handle_ && PQstatus(handle_.get()) == CONNECTION_OK;
}

Channel::Claim::~Claim() {
  if (holds()) channel_->close();
  release();
}

void Channel::Claim::release() noexcept {
  if (Channel* const channel = std::exchange(channel_, nullptr)) channel->claimed_ = false;
}

// Before anything is sent.

Operation Channel::start(io::Call call, Effect effect) {
  refuse_in_child();
  if (!handle_) fail_unsent("the connection is closed");
  if (claimed_) {
    throw_error(failures::at(node_, Errc::invalid_argument,
                             "a stream of rows is open on this connection: close it first"));
  }
  const auto now = call.now();
  refuse_late(call, now);
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
  return {effect, driver::Stopwatch(call, now)};
}

void Channel::start_chunk(io::Call call) const {
  refuse_in_child();
  // Rows that are there already would never be waited for.
  refuse_late(call, call.now());
}

void Channel::refuse_in_child() const {
  if (forks_ != grant::detail::forks()) throw_error(failures::of_parent(node_));
}

void Channel::refuse_late(io::Call call, TimePoint now) const {
  if (call.deadline() <= now) throw_error(failures::deadline_had_passed(node_));
}

// A server that ended the session has left its farewell in the socket. Read now, it proves that
// nothing was executed; read after sending, it would leave the outcome of a write unknown.
void Channel::check_idle() {
  while (driver::has_input(PQsocket(handle_.get()))) {
    const bool lost = PQconsumeInput(handle_.get()) == 0;
    static_cast<void>(PQisBusy(handle_.get()));  // makes libpq look at what it has read
    if (lost || !farewell_.empty() || PQstatus(handle_.get()) != CONNECTION_OK) {
      close();
      fail_unsent("the server had ended the session", farewell_);
    }
  }
}

// Sending.

void Channel::fail_to_send(const Operation& operation) {
  if (PQstatus(handle_.get()) != CONNECTION_OK) fail_lost(operation);
  const std::string why(first_line(PQerrorMessage(handle_.get())));
  if (PQpipelineStatus(handle_.get()) != PQ_PIPELINE_OFF) close();  // half a pipeline is queued
  fail_unsent(why);
}

void Channel::send_query(const char* commands, const Operation& operation) {
  send(PQsendQuery(handle_.get(), commands), operation);
}

void Channel::send_command(const char* command, const Operation& operation, Format format) {
  send(PQsendQueryParams(handle_.get(), command, 0, nullptr, nullptr, nullptr, nullptr,
                         static_cast<int>(format)),
       operation);
}

void Channel::enter_pipeline(const Operation& operation) {
  send(PQenterPipelineMode(handle_.get()), operation);
}

void Channel::send_sync(const Operation& operation) {
  send(PQpipelineSync(handle_.get()), operation);
}

void Channel::leave_pipeline(const Operation& operation) {
  send(PQexitPipelineMode(handle_.get()), operation);
}

bool Channel::flush(const Operation& operation) {
  const int unsent = PQflush(handle_.get());
  if (unsent < 0) fail_lost(operation);
  return unsent == 0;
}

Task<void> Channel::flush_all(io::Call call, Operation operation) {
  while (!flush(operation)) {
    auto outcome = co_await call.ready(PQsocket(handle_.get()), io::Interest::read_or_write);
    if (call.deadline() <= call.now()) outcome = io::Outcome::timed_out;
    if (outcome != io::Outcome::ready) give_up(outcome, operation);
    // A server that cannot get rid of its answers stops listening.
    if (PQconsumeInput(handle_.get()) == 0) fail_lost(operation);
  }
}

// Receiving.

// Without a coroutine as long as nobody has to be waited for elsewhere: the answer to one statement
// comes in one piece.
Task<void> Channel::receive(io::Call call, const Operation& operation, const TakeAnswer& take) {
  answers_.clear();
  Reception reception{call, &operation, take ? &take : nullptr};
  while (const auto interest = advance(reception)) {
    auto wait = call.ready(PQsocket(handle_.get()), *interest);
    if (!wait.await_ready()) return receive_rest(reception, std::nullopt);
    const auto outcome = judged(reception, wait.await_resume());
    if (outcome != io::Outcome::ready) return receive_rest(reception, outcome);
    read(reception);
  }
  return Done();
}

Task<void> Channel::receive_rest(Reception reception, std::optional<io::Outcome> outcome) {
  while (const auto interest = advance(reception)) {
    if (!outcome) {
      const auto seen = co_await reception.call.ready(PQsocket(handle_.get()), *interest);
      outcome = judged(reception, seen);
    }
    if (*outcome == io::Outcome::ready) {
      read(reception);
    } else {
      reception.overtime = {};
      if (!co_await cancel_late(reception.call, *outcome, *reception.operation)) {
        give_up(*outcome, *reception.operation);
      }
    }
    outcome.reset();
  }
}

Task<void> Channel::receive_more(io::Call& call, driver::Overtime& overtime,
                                 const Operation& operation) {
  PGconn* const handle = handle_.get();
  auto outcome = io::Outcome::timed_out;
  // Rows that nobody wants may come faster than they can be read, and never be waited for.
  const bool in_time = !operation.unwanted_until || call.now() < call.deadline();
  if (in_time) outcome = co_await call.ready(PQsocket(handle), io::Interest::read);
  if (outcome == io::Outcome::ready && is_over(overtime, call)) outcome = io::Outcome::timed_out;
  if (outcome != io::Outcome::ready) {
    overtime = {};
    if (co_await cancel_late(call, outcome, operation)) co_return;
    give_up(outcome, operation);
  }
  if (PQconsumeInput(handle) == 0) fail_lost(operation);
}

bool Channel::is_over(driver::Overtime& overtime, io::Call call) const {
  constexpr int at_once = 8192;  // what libpq reads at least, where there is as much
  return overtime.is_over(call.now(), call.deadline(), at_once,
                          [&] { return driver::arrived_at(PQsocket(handle_.get())); });
}

io::Outcome Channel::judged(Reception& reception, io::Outcome outcome) const {
  if (outcome != io::Outcome::ready) return outcome;
  // What is there first is read in any case.
  if (!std::exchange(reception.has_read, true)) return outcome;
  return is_over(reception.overtime, reception.call) ? io::Outcome::timed_out : outcome;
}

void Channel::read(Reception& reception) {
  const Operation& operation = *reception.operation;
  reception.received.note(PQsocket(handle_.get()));
  if (operation.most != 0 && reception.received.bytes() > operation.most) {
    fail_too_large(operation);
  }
  if (PQconsumeInput(handle_.get()) == 0) fail_lost(operation);
}

std::optional<io::Interest> Channel::advance(Reception& reception) {
  PGconn* const handle = handle_.get();
  const Operation& operation = *reception.operation;
  while (true) {
    // Reads while it sends: a server that cannot get rid of its answers stops listening.
    if (reception.unsent) reception.unsent = !flush(operation);
    if (reception.unsent) return io::Interest::read_or_write;
    if (PQisBusy(handle) != 0) return io::Interest::read;
    ResultHandle answer(PQgetResult(handle));
    if (!answer) {
      const bool pipelined = PQpipelineStatus(handle) != PQ_PIPELINE_OFF;
      if (!pipelined || PQstatus(handle) != CONNECTION_OK) break;
      continue;  // between the answers to two commands
    }
    reception.received.note_answer(PQresultMemorySize(answer.get()));
    if (operation.most != 0 && reception.received.bytes() > operation.most) {
      fail_too_large(operation);
    }
    const auto status = PQresultStatus(answer.get());
    if (status == PGRES_PIPELINE_SYNC) break;
    if (status == PGRES_COPY_IN && operation.copies) return std::nullopt;  // it waits for rows
    refuse_copy(status);
    // The last words on a connection are nobody's answer.
    const bool farewell = status == PGRES_FATAL_ERROR && is_farewell(answer.get());
    const bool lost = farewell || PQstatus(handle) != CONNECTION_OK;
    if (reception.take != nullptr && !lost) (*reception.take)(answer);
    if (answer) answers_.push_back(std::move(answer));
    // More than one of Grant's own commands, or a statement, ever has: the server makes them up.
    constexpr std::size_t most = 64;
    if (answers_.size() > most) {
      fail_lost(operation, "the server gives more answers than it was asked for");
    }
  }
  if (PQstatus(handle) != CONNECTION_OK) fail_lost(operation);
  if (!in_transaction()) meaning_.on_idle(reception.call);
  return std::nullopt;
}

void Channel::set_answer(ResultHandle answer) {
  answers_.clear();
  answers_.push_back(std::move(answer));
}

const PGresult* Channel::failure() const noexcept {
  for (const auto& answer : answers_) {
    if (PQresultStatus(answer.get()) == PGRES_FATAL_ERROR) return answer.get();
  }
  return nullptr;
}

const PGresult* Channel::final_answer(const Operation& operation) {
  // A server that says that it is ready, and nothing before that, is none.
  if (answers_.empty()) fail_lost(operation);
  return answers_.back().get();
}

void Channel::refuse_copy(ExecStatusType status) {
  if (status != PGRES_COPY_IN && status != PGRES_COPY_OUT && status != PGRES_COPY_BOTH) return;
  close();
  throw_error(failures::at(node_, Errc::invalid_argument,
                           "COPY cannot be run as a statement; the connection was closed"));
}

// When nobody waits any longer.

io::Call Channel::until_cancelled(io::Call call) const {
  return io::Call(call.waiter(), after(call.now(), cancel_timeout_));
}

Task<bool> Channel::cancel_late(io::Call& call, io::Outcome outcome, Operation operation) {
  if (operation.unwanted_until) {
    const auto end = *operation.unwanted_until;
    if (outcome == io::Outcome::cancelled || end <= call.now()) co_return false;
    co_return co_await cancel_again(call, end);
  }
  if (!operation.cancellable || cancelled_late_ || cancel_timeout_.count() == 0) co_return false;
  const auto canceller = PostgresCanceller::of(node_, handle_.get());
  if (!canceller) co_return false;
  cancelled_late_ = true;
  if (outcome == io::Outcome::cancelled) {
    // Every further wait would be cancelled as well.
    constexpr std::chrono::seconds limit(10);
    canceller->cancel_unseen(after(call.now(), limit));
    co_return false;
  }
  call = until_cancelled(call);
  bool delivered = true;
  try {
    co_await canceller->cancel(call);
  } catch (const Error&) {
    delivered = false;
  }
  co_return delivered;
}

Task<bool> Channel::cancel_again(io::Call& call, TimePoint end) {
  constexpr auto pause = std::chrono::milliseconds(50);
  const auto canceller = PostgresCanceller::of(node_, handle_.get());
  bool delivered = canceller != nullptr;
  try {
    if (canceller) co_await canceller->cancel(io::Call(call.waiter(), end));
  } catch (const Error&) {
    delivered = false;
  }
  call = io::Call(call.waiter(), end).until(after(call.now(), pause));
  co_return delivered;
}

// Losing it.

void Channel::close(bool in_doubt) noexcept {
  handle_.reset();
  meaning_.on_closed(in_doubt);
}

void Channel::fail_unsent(std::string_view why, std::string_view sqlstate) {
  auto info = failures::unsent(node_, why);
  info.sqlstate = sqlstate;
  throw_error(std::move(info));
}

void Channel::leave(ErrorInfo info, const Operation& operation) {
  close(operation.in_transaction && operation.effect == Effect::write);
  throw_error(std::move(info));
}

void Channel::fail_lost(const Operation& operation, std::string_view why) {
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
  leave(std::move(info), operation);
}

void Channel::give_up(io::Outcome outcome, const Operation& operation) {
  leave(failures::gave_up(node_, operation.effect, outcome, operation.watch.elapsed()), operation);
}

void Channel::fail_too_large(const Operation& operation) {
  if (operation.most == kMostForItself) {
    fail_lost(operation, "the server sends more than asked for");
  }
  leave(failures::too_large(node_, operation.effect, operation.most), operation);
}

void Channel::fail_without_memory(Effect effect, std::string_view why) {
  const bool in_doubt = in_transaction() && effect == Effect::write;
  auto info = failures::no_memory(node_, effect, why);
  close(in_doubt);
  throw_error(std::move(info));
}

}  // namespace grant::postgres
