#include "grant/asio/operation.hpp"

#include <poll.h>

#include <asio/dispatch.hpp>
#include <asio/post.hpp>
#include <atomic>
#include <optional>

#include "grant/core/mutex.hpp"
#include "io/poll_events.hpp"

namespace grant::asio::detail {

/// Posts to the strand of an operation as long as that is there. The lock is held while posting, so
/// that the execution context, which is not destroyed before the operation is, lives until then.
class Operation::Wakeup {
 public:
  using Strand = ::asio::strand<::asio::any_io_executor>;

  explicit Wakeup(const Strand& strand) : strand_(strand) {}

  void open(std::weak_ptr<Operation> operation) {
    const Lock lock(mutex_);
    operation_ = std::move(operation);
  }

  void close() noexcept {
    const Lock lock(mutex_);
    strand_.reset();
  }

  void post(Wake why) noexcept {
    if (why == Wake::cancelled) cancelled.store(true, std::memory_order_release);
    const Lock lock(mutex_);
    if (!strand_) return;
    ::asio::post(*strand_, [target = operation_, why] {
      if (const auto operation = target.lock()) operation->on_wake(why);
    });
  }

  std::atomic<bool> cancelled = false;

 private:
  Mutex mutex_;
  std::optional<Strand> strand_ GRANT_GUARDED_BY(mutex_);
  std::weak_ptr<Operation> operation_ GRANT_GUARDED_BY(mutex_);
};

class Operation::StrandSignal final : public io::Signal {
 public:
  explicit StrandSignal(std::shared_ptr<Wakeup> wakeup) : wakeup_(std::move(wakeup)) {}

  void set() noexcept override {
    if (!set_.exchange(true, std::memory_order_acq_rel)) wakeup_->post(Wake::signalled);
  }

  [[nodiscard]] bool is_set() const noexcept { return set_.load(std::memory_order_acquire); }

 private:
  const std::shared_ptr<Wakeup> wakeup_;
  std::atomic<bool> set_ = false;
};

Operation::Operation(const ::asio::any_io_executor& executor)
    : strand_(::asio::make_strand(executor)),
      descriptor_(strand_),
      timer_(strand_),
      wakeup_(std::make_shared<Wakeup>(strand_)) {}

Operation::~Operation() { wakeup_->close(); }

void Operation::abandon() noexcept {
  forget_descriptor();
  wait_ = nullptr;
  if (root_) std::exchange(root_, {}).destroy();
}

void Operation::begin(Root root) {
  root_ = root.handle();
  wakeup_->open(weak_from_this());
  ::asio::post(strand_, [self = shared_from_this()] {
    self->arm(kNever);
    self->resume(self->root_);
  });
}

void Operation::cancel(Wakeup& wakeup) noexcept { wakeup.post(Wake::cancelled); }

std::shared_ptr<io::Signal> Operation::make_signal() {
  return std::make_shared<StrandSignal>(wakeup_);
}

bool Operation::finish_now(io::Wait& wait) {
  if (wakeup_->cancelled.load(std::memory_order_acquire)) {
    wait.outcome = io::Outcome::cancelled;
    return true;
  }
  if (wait.signal != nullptr && static_cast<StrandSignal*>(wait.signal)->is_set()) {
    wait.outcome = io::Outcome::ready;
    return true;
  }
  if (wait.deadline > Clock::system().now()) return false;
  pollfd entry{wait.fd, io::poll_events(wait.interest), 0};
  wait.outcome =
      wait.fd >= 0 && ::poll(&entry, 1, 0) != 0 ? io::Outcome::ready : io::Outcome::timed_out;
  return true;
}

void Operation::start(io::Wait& wait) {
  wait_ = &wait;
  ++wait_number_;
  if (wait.deadline < armed_) arm(wait.deadline);
  if (wait.fd < 0) return;
  ::asio::error_code failed;
  descriptor_.assign(wait.fd, failed);
  if (failed) {
    // It shows at once in the read or write that follows.
    ::asio::post(strand_, [self = shared_from_this(), number = wait_number_] {
      if (self->wait_number_ == number) self->finish(io::Outcome::ready);
    });
    return;
  }
  if (wait.interest != io::Interest::write) watch(::asio::posix::descriptor_base::wait_read);
  if (wait.interest != io::Interest::read) watch(::asio::posix::descriptor_base::wait_write);
}

void Operation::watch(::asio::posix::stream_descriptor::wait_type what) {
  descriptor_.async_wait(
      what, [self = shared_from_this(), number = wait_number_](const ::asio::error_code&) {
        if (self->wait_number_ == number && self->wait_ != nullptr) {
          self->finish(io::Outcome::ready);
        }
      });
}

// Whoever is resumed may close the descriptor, and the next one gets its number.
void Operation::forget_descriptor() noexcept {
  if (descriptor_.is_open()) descriptor_.release();
}

void Operation::arm(TimePoint time) {
  armed_ = time;
  timer_.expires_at(time);
  timer_.async_wait([self = shared_from_this()](const ::asio::error_code& error) {
    if (error != ::asio::error::operation_aborted) self->on_time();
  });
}

void Operation::on_time() {
  if (!root_) return;  // it ended after the timer had fired
  const bool is_over = wait_ != nullptr && wait_->deadline <= Clock::system().now();
  arm(wait_ == nullptr || is_over ? kNever : wait_->deadline);
  if (is_over) finish(io::Outcome::timed_out);
}

void Operation::on_wake(Wake why) {
  if (wait_ == nullptr) return;
  if (why == Wake::cancelled) {
    finish(io::Outcome::cancelled);
  } else if (wait_->signal != nullptr && static_cast<StrandSignal*>(wait_->signal)->is_set()) {
    finish(io::Outcome::ready);
  }
}

void Operation::finish(io::Outcome outcome) {
  forget_descriptor();
  io::Wait& wait = *std::exchange(wait_, nullptr);
  ++wait_number_;
  wait.outcome = outcome;
  resume(wait.waiting);
}

void Operation::resume(std::coroutine_handle<> coroutine) {
  coroutine.resume();
  if (root_) return;
  timer_.cancel();
  complete();
}

}  // namespace grant::asio::detail
