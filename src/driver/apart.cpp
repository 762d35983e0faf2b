#include "driver/apart.hpp"

#include <utility>

#include "driver/failures.hpp"
#include "driver/stopwatch.hpp"
#include "grant/core/error.hpp"
#include "grant/io/poll_loop.hpp"
#include "grant/io/worker.hpp"
#include "io/process_workers.hpp"

namespace grant::driver {
namespace {

// For as many as may be connecting at a time. A server that hangs keeps those who connect to it
// until their deadlines, and the others must not wait for them.
constexpr std::size_t kThreads = 1024;
constinit io::ProcessWorkers connecting_threads(kThreads);

/// Ends what runs on `loop` when its caller waits no longer, for whatever reason.
class CancelAtEnd {
 public:
  explicit CancelAtEnd(std::shared_ptr<io::PollLoop> loop) noexcept : loop_(std::move(loop)) {}
  CancelAtEnd(const CancelAtEnd&) = delete;
  CancelAtEnd& operator=(const CancelAtEnd&) = delete;
  ~CancelAtEnd() { loop_->cancel(); }

 private:
  const std::shared_ptr<io::PollLoop> loop_;
};

Task<void> keep_outcome(Task<std::unique_ptr<Connection>> task,
                        std::unique_ptr<Connection>& connection, std::exception_ptr& error) {
  try {
    connection = co_await task;
  } catch (...) {
    error = std::current_exception();
  }
}

/// `connecting` on this thread, until it has ended or `loop` is cancelled.
std::unique_ptr<Connection> connect_here(io::PollLoop& loop, const Connecting& connecting,
                                         TimePoint deadline) {
  std::unique_ptr<Connection> connection;
  std::exception_ptr error;
  loop.spawn(keep_outcome(connecting(io::Call(loop, deadline)), connection, error));
  loop.run();
  if (error) std::rethrow_exception(error);
  return connection;
}

}  // namespace

Task<std::unique_ptr<Connection>> connect_apart(io::Call call, Limit limit, std::string node,
                                                std::shared_ptr<Turns> turns,
                                                Connecting connecting) {
  const Stopwatch watch(call);
  if (limit) call = call.until(after(watch.started(), *limit));
  if (const auto since = turns->overdue_since(watch.started())) {
    throw_error(failures::stuck(node, watch.started() - *since));
  }
  const auto loop = std::make_shared<io::PollLoop>();
  const CancelAtEnd cancel(loop);
  auto work = [loop, turns, connecting = std::move(connecting), deadline = call.deadline()] {
    return connect_here(*loop, connecting, deadline);
  };
  // Later than it ends by itself, saying more.
  const io::Call patient(call.waiter(), after(call.deadline(), Turns::kSlack));
  auto done = co_await io::offload(patient, std::move(work), connecting_threads.get());
  if (done.outcome != io::Outcome::ready) {
    throw_error(failures::gave_up_connecting(node, done.outcome, watch.elapsed()));
  }
  co_return std::move(*done.value);
}

}  // namespace grant::driver
