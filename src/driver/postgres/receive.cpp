// How commands go to the server, and its answers come back.
#include <utility>

#include "connection.hpp"
#include "driver/failures.hpp"
#include "driver/sockets.hpp"
#include "errors.hpp"
#include "grant/core/error.hpp"
#include "received.hpp"

namespace grant::postgres {

void PostgresConnection::send(int queued, const Operation& operation) {
  if (queued != 0) return;
  if (PQstatus(handle_.get()) != CONNECTION_OK) fail_lost(operation);
  const std::string why(first_line(PQerrorMessage(handle_.get())));
  if (PQpipelineStatus(handle_.get()) != PQ_PIPELINE_OFF) close();  // half a pipeline is queued
  fail_unsent(why);
}

bool PostgresConnection::flush(const Operation& operation) {
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

// Without a coroutine as long as nobody has to be waited for elsewhere: the answer to one statement
// comes in one piece.
Task<void> PostgresConnection::receive(io::Call call, const Operation& operation,
                                       const TakeAnswer& take) {
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

Task<void> PostgresConnection::receive_rest(Reception reception,
                                            std::optional<io::Outcome> outcome) {
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

io::Outcome PostgresConnection::judged(Reception& reception, io::Outcome outcome) const {
  if (outcome != io::Outcome::ready) return outcome;
  // What is there first is read in any case.
  if (!std::exchange(reception.has_read, true)) return outcome;
  const bool over = is_over(reception.overtime, reception.call, PQsocket(handle_.get()));
  return over ? io::Outcome::timed_out : outcome;
}

void PostgresConnection::read(Reception& reception) {
  const Operation& operation = *reception.operation;
  reception.received.note(PQsocket(handle_.get()));
  if (operation.most != 0 && reception.received.bytes() > operation.most) {
    fail_too_large(operation);
  }
  if (PQconsumeInput(handle_.get()) == 0) fail_lost(operation);
}

std::optional<io::Interest> PostgresConnection::advance(Reception& reception) {
  PGconn* const handle = handle_.get();
  const Operation& operation = *reception.operation;
  while (true) {
    // Reads while it sends: a server that cannot get rid of its answers stops listening.
    if (reception.unsent) reception.unsent = flush(operation);
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
  if (PQtransactionStatus(handle) == PQTRANS_IDLE) settle_schema(reception.call);
  return std::nullopt;
}

const PGresult* PostgresConnection::failure() const noexcept {
  for (const auto& answer : answers_) {
    if (PQresultStatus(answer.get()) == PGRES_FATAL_ERROR) return answer.get();
  }
  return nullptr;
}

const PGresult* PostgresConnection::final_answer(const Operation& operation) {
  // A server that says that it is ready, and nothing before that, is none.
  if (answers_.empty()) fail_lost(operation);
  return answers_.back().get();
}

void PostgresConnection::refuse_copy(ExecStatusType status) {
  if (status != PGRES_COPY_IN && status != PGRES_COPY_OUT && status != PGRES_COPY_BOTH) return;
  close();
  throw_error(failures::at(node_, Errc::invalid_argument,
                           "COPY cannot be run as a statement; the connection was closed"));
}

}  // namespace grant::postgres
