#include "grant/cluster/health_monitor.hpp"

#include <fmt/format.h>

#include <mutex>
#include <system_error>
#include <thread>
#include <utility>

#include "core/fork.hpp"
#include "grant/core/error.hpp"
#include "grant/core/mutex.hpp"
#include "grant/io/poll_loop.hpp"
#include "io/signals_blocked.hpp"

namespace grant {

namespace {

/// On a monitor's own thread: the run that it belongs to.
constinit thread_local const void* this_threads_run = nullptr;

}  // namespace

/// The monitor's thread, and what it works on. Owns itself until the thread ends; in a forked
/// child, where it never ran, it is left alone for ever.
class HealthMonitor::Run : public std::enable_shared_from_this<Run> {
 public:
  explicit Run(const std::vector<std::shared_ptr<Cluster>>& clusters) : clusters_(clusters) {
    for (const auto& cluster : clusters_) {
      for (std::size_t i = 0; i < cluster->size(); ++i) {
        watches_.push_back(std::make_unique<Watch>(*cluster, i));
      }
    }
  }

  void start() {
    try {
      const io::SignalsBlocked blocked;
      thread_ = std::thread([self = shared_from_this()] { self->work(); });
    } catch (const std::system_error& error) {
      throw_error(Errc::unavailable,
                  fmt::format("cannot start the thread of the health monitor: {}", error.what()));
    }
  }

  [[nodiscard]] bool is_of_this_process() const noexcept { return forks_ == detail::forks(); }
  [[nodiscard]] bool is_this_thread() const noexcept { return this_threads_run == this; }

  void stop() {
    std::call_once(stopped_, [this] {
      loop_.cancel();
      if (is_this_thread()) {
        thread_.detach();  // it ends when its caller lets it
      } else {
        thread_.join();
      }
    });
  }

  void check_now() {
    if (is_this_thread()) {
      throw_error(Errc::invalid_argument,
                  "the nodes cannot be checked and waited for on the thread that checks them, on "
                  "which the event sink is called: ask on another thread");
    }
    std::vector<std::uint64_t> wanted;
    for (const auto& each : watches_) wanted.push_back(wake(*each));
    const Lock lock(mutex_);
    for (std::size_t i = 0; i < watches_.size(); ++i) {
      while (!ended_ && watches_[i]->checked < wanted[i]) checked_.wait(mutex_);
    }
  }

  void wake_all(const Cluster& cluster) {
    for (const auto& each : watches_) {
      if (&each->cluster == &cluster) wake(*each);
    }
  }

 private:
  /// One node and its probing.
  struct Watch {
    Watch(Cluster& owner, std::size_t index) : cluster(owner), node(index) {}

    Cluster& cluster;
    const std::size_t node;

    // Guarded by the monitor's mutex.
    std::uint64_t wanted = 1;   ///< Probes asked for.
    std::uint64_t checked = 0;  ///< The value of `wanted` that the last finished probe began with.
    std::shared_ptr<io::Signal> sleeping;

    // For the monitor's thread only.
    std::unique_ptr<Connection> connection;
    bool warmed_up = false;
  };

  void work() {
    this_threads_run = this;
    for (const auto& each : watches_) loop_.spawn(watch(*each));
    loop_.run();
    if (!is_of_this_process()) return;
    const Lock lock(mutex_);
    ended_ = true;
    checked_.notify_all();
  }

  /// Asks for one more probe; gives the number that `checked` reaches when it is done.
  std::uint64_t wake(Watch& watch) {
    std::shared_ptr<io::Signal> sleeping;
    std::uint64_t wanted = 0;
    {
      const Lock lock(mutex_);
      wanted = ++watch.wanted;
      sleeping = watch.sleeping;
    }
    if (sleeping) sleeping->set();
    return wanted;
  }

  /// Those that are being probed are in this round already.
  void wake_sleeping(const Cluster& cluster) {
    const Lock lock(mutex_);
    for (const auto& each : watches_) {
      if (&each->cluster == &cluster && each->sleeping) each->sleeping->set();
    }
  }

  /// The nodes of a cluster are probed together, because each is judged by what the others said.
  Task<void> watch(Watch& watch) {
    auto outcome = io::Outcome::ready;
    while (outcome != io::Outcome::cancelled) {
      const auto wanted = begin_check(watch);
      watch.cluster.begin_probe(watch.node);
      auto result = co_await probe(watch);
      if (loop_.is_cancelled()) co_return;
      watch.cluster.record(watch.node, result);
      // An event sink has forked, and goes on in the child as this thread, which nobody wants
      // there.
      if (!is_of_this_process()) loop_.cancel();
      if (loop_.is_cancelled()) co_return;
      const auto signal = end_check(watch, wanted);
      if (result.seen && !std::exchange(watch.warmed_up, true)) loop_.spawn(warm_up(watch));

      const auto pause_ends = after(Clock::system().now(), watch.cluster.next_check_in());
      outcome = co_await io::Call(loop_, pause_ends).signalled(*signal);
      if (outcome == io::Outcome::timed_out) wake_sleeping(watch.cluster);
    }
  }

  std::uint64_t begin_check(Watch& watch) {
    const Lock lock(mutex_);
    watch.sleeping = nullptr;
    return watch.wanted;
  }

  /// The signal that ends the pause; set already if another probe was asked for meanwhile.
  std::shared_ptr<io::Signal> end_check(Watch& watch, std::uint64_t wanted) {
    auto signal = loop_.make_signal();
    const Lock lock(mutex_);
    watch.checked = wanted;
    watch.sleeping = signal;
    if (watch.wanted > wanted) signal->set();
    checked_.notify_all();
    return signal;
  }

  Task<ProbeResult> probe(Watch& watch) {
    const io::Call call(loop_, after(Clock::system().now(), watch.cluster.health().timeout));
    const bool kept = watch.connection && watch.connection->is_open();
    auto result = co_await probe_once(watch, call);
    // A connection that is lost may be all that was wrong: a new one tells.
    if (kept && !result.seen && result.error.code == Errc::unavailable) {
      result = co_await probe_once(watch, call);
    }
    co_return result;
  }

  Task<ProbeResult> probe_once(Watch& watch, io::Call call) {
    auto& node = watch.cluster.node(watch.node);
    ProbeResult result;
    const auto& clock = watch.cluster.clock();
    const auto began = clock.now();
    try {
      if (!watch.connection || !watch.connection->is_open()) {
        watch.connection = co_await node.driver().connect(call, node.target());
      }
      result.seen = co_await watch.connection->probe(call);
    } catch (const Error& error) {
      result.error = error.info();
      watch.connection.reset();
    } catch (const std::exception& error) {
      result.error.code = Errc::unavailable;
      result.error.message =
          fmt::format("node \"{}\": the probe failed: {}", node.name(), error.what());
      watch.connection.reset();
    }
    result.at = clock.now();
    result.took = result.at - began;
    co_return result;
  }

  /// Opens the node's first connections, once the node is known to answer.
  Task<void> warm_up(Watch& watch) {
    const io::Call call(loop_, after(Clock::system().now(), watch.cluster.health().timeout));
    try {
      co_await watch.cluster.node(watch.node).warm_up(call);
    } catch (const std::exception&) {
      // The next query opens its own connection and reports what is wrong.
    }
  }

  const std::uint64_t forks_ = detail::forks();
  const std::vector<std::shared_ptr<Cluster>> clusters_;
  std::vector<std::unique_ptr<Watch>> watches_;  // constant after construction
  io::PollLoop loop_;

  Mutex mutex_;
  Condition checked_;
  bool ended_ GRANT_GUARDED_BY(mutex_) = false;

  std::thread thread_;
  std::once_flag stopped_;
};

/// What there is of a monitor in every process.
class HealthMonitor::Impl : public std::enable_shared_from_this<Impl> {
 public:
  explicit Impl(std::vector<std::shared_ptr<Cluster>> clusters) : clusters_(std::move(clusters)) {}

  void start() {
    for (const auto& cluster : clusters_) {
      // Weak: a query may hold its cluster for longer than the monitor lives.
      cluster->on_probe_wanted([weak = weak_from_this(), cluster = cluster.get()] {
        const auto monitor = weak.lock();
        if (const auto run = monitor ? monitor->here() : nullptr) run->wake_all(*cluster);
      });
    }
    here();
  }

  /// The run of this process, which starts now if there is none yet. Null once stopped.
  std::shared_ptr<Run> here() {
    const Lock lock(mutex_);
    if (stopped_ || (run_ && run_->is_of_this_process())) return run_;
    auto run = std::make_shared<Run>(clusters_);
    run->start();
    leave_alone(std::exchange(run_, std::move(run)));
    return run_;
  }

  void stop() {
    std::shared_ptr<Run> run;
    {
      const Lock lock(mutex_);
      stopped_ = true;
      run = std::exchange(run_, nullptr);
    }
    if (!run) return;
    if (run->is_of_this_process()) return run->stop();
    leave_alone(std::move(run));
  }

 private:
  /// A parent's run. To end it would need its thread, and to free it would close its connections.
  static void leave_alone(std::shared_ptr<Run> run) {
    if (run) static_cast<void>(new std::shared_ptr<Run>(std::move(run)));
  }

  const std::vector<std::shared_ptr<Cluster>> clusters_;

  Mutex mutex_;
  std::shared_ptr<Run> run_ GRANT_GUARDED_BY(mutex_);
  bool stopped_ GRANT_GUARDED_BY(mutex_) = false;
  const detail::HeldOverForks held_{mutex_};
};

HealthMonitor::HealthMonitor(std::vector<std::shared_ptr<Cluster>> clusters)
    : forks_(detail::forks()), impl_(std::make_shared<Impl>(std::move(clusters))) {
  impl_->start();
}

HealthMonitor::~HealthMonitor() { impl_->stop(); }

void HealthMonitor::stop() { impl_->stop(); }

void HealthMonitor::check_now() {
  if (const auto run = impl_->here()) run->check_now();
}

void HealthMonitor::go_on() {
  if (forks_.load(std::memory_order_relaxed) == detail::forks()) return;
  impl_->here();
  forks_.store(detail::forks(), std::memory_order_relaxed);
}

}  // namespace grant
