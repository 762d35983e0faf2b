#include <utility>

#include "connection.hpp"
#include "driver/apart.hpp"
#include "driver/failures.hpp"

namespace grant::mariadb {
namespace {

constexpr unsigned int kNoSuchSession = 1094;

class MariadbCanceller final : public Canceller {
 public:
  MariadbCanceller(std::shared_ptr<const Target> target, unsigned long id) noexcept
      : target_(std::move(target)), id_(id) {}

  Task<void> cancel(io::Call call) override {
    // MariaDB listens to nothing on the session itself while it runs a statement.
    const auto turns = target_->turns();
    driver::Connecting connecting = [target = target_, id = id_,
                                     turns](io::Call share) -> Task<std::unique_ptr<Connection>> {
      auto messenger = std::make_unique<MariadbConnection>(target);
      co_await messenger->open(share, *turns);
      co_await messenger->kill_query(share, id);
      co_return messenger;
    };
    co_await driver::connect_apart(call, std::nullopt, target_->settings.node, turns,
                                   std::move(connecting));
  }

 private:
  const std::shared_ptr<const Target> target_;
  const unsigned long id_;
};

}  // namespace

std::shared_ptr<Canceller> MariadbConnection::canceller() {
  if (!handle_) return nullptr;
  return std::make_shared<MariadbCanceller>(target_, mysql_thread_id(handle_.get()));
}

Task<void> MariadbConnection::kill_query(io::Call call, unsigned long id) {
  try {
    co_await run_simple(call, "KILL QUERY " + std::to_string(id), Effect::read, AtDeadline::close);
  } catch (const Error& error) {
    if (error.native() != kNoSuchSession) throw;
  }
}

Task<io::Outcome> MariadbConnection::cancel_in_time(io::Call call, Operation operation,
                                                    io::Outcome outcome, int events) {
  const auto limit = target_->settings.cancel_timeout;
  const bool tried = interrupted_ != io::Outcome::ready;
  if (tried || outcome != io::Outcome::timed_out || limit.count() == 0 ||
      operation.at_deadline == AtDeadline::close) {
    co_return outcome;
  }
  interrupted_ = outcome;
  grace_ = after(call.now(), limit);
  const io::Call grace(call.waiter(), grace_);
  try {
    co_await canceller()->cancel(grace);
  } catch (const Error&) {
    co_return outcome;  // which closes the connection
  }
  cancelling_ = true;
  co_return co_await ready(grace, handle_.get(), events);
}

Task<void> MariadbConnection::settle(io::Call call) {
  const bool inside = in_transaction();
  const bool cancelled = std::exchange(cancelling_, false);
  interrupted_ = io::Outcome::ready;
  const driver::Stopwatch watch(call);
  const io::Call grace(call.waiter(), after(watch.started(), target_->settings.cancel_timeout));
  const io::Call limited = cancelled ? grace : call;
  const Operation operation{Effect::read, watch, AtDeadline::close};
  std::unique_ptr<Result> answer;
  try {
    answer = co_await run_text(limited, operation, nullptr);
    if (!answer && is_interruption(failure_.number)) {
      answer = co_await run_text(limited, operation, nullptr);
    }
  } catch (const Error&) {
    // The connection is gone, and the transaction with it: what came first matters more.
  }
  if (handle_ && !answer) close();
  if (answer && inside) rolled_back_ = !in_transaction();
}

}  // namespace grant::mariadb
