#include "grant/cluster/health_monitor.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <thread>
#include <utility>

#include "core/fork.hpp"
#include "grant/core/error.hpp"
#include "grant/core/mutex.hpp"

namespace grant {

/// The probing of one process. Its tasks share it; in a forked child, where they never run, it is
/// left alone for ever.
class HealthMonitor::Run : public std::enable_shared_from_this<Run> {
 public:
  explicit Run(io::Runtime& runtime) : runtime_(runtime) {}

  /// Errors: unavailable.
  void start() {
    runtime_.start([self = shared_from_this()](io::Loop& loop) { self->begin(loop); });
  }

  [[nodiscard]] bool is_of_this_process() const noexcept { return forks_ == detail::forks(); }

  void watch(std::weak_ptr<Topology> topology) {
    const Lock lock(mutex_);
    topologies_.push_back(std::move(topology));
    ++news_;
    if (listening_) listening_->set();
  }

  void stop() {
    const Lock lock(mutex_);
    stopped_ = true;
    if (loop_ == nullptr) {
      // Not begun, and never going to; or over.
      ended_ = true;
      checked_.notify_all();
      return;
    }
    loop_->cancel();
    if (is_here_locked()) return;  // it ends when its caller lets it
    while (!ended_) checked_.wait(mutex_);
  }

  void check_now() {
    if (is_here()) {
      throw_error(Errc::invalid_argument,
                  "the nodes cannot be checked and waited for on the thread that checks them, on "
                  "which the event sink is called: ask on another thread");
    }
    std::vector<std::pair<std::shared_ptr<Watch>, std::uint64_t>> asked;
    const Lock lock(mutex_);
    const auto news = news_;
    while (!ended_ && heard_ < news) checked_.wait(mutex_);
    for (const auto& watch : watches_) asked.emplace_back(watch, wake_locked(*watch));
    for (const auto& [watch, wanted] : asked) {
      while (!ended_ && !watch->over && watch->checked < wanted) checked_.wait(mutex_);
    }
  }

  /// The nodes of this one shall be probed; and there may be others than before.
  void wake_all(const Topology& topology) {
    const Lock lock(mutex_);
    for (const auto& watch : watches_) {
      if (watch->of == &topology) wake_locked(*watch);
    }
    ++news_;
    if (listening_) listening_->set();
  }

 private:
  /// One node and its probing.
  struct Watch {
    Watch(const std::shared_ptr<Topology>& owner, std::shared_ptr<Node> probed)
        : topology(owner), of(owner.get()), clock(owner->clock()), node(std::move(probed)) {}

    const std::weak_ptr<Topology> topology;
    const Topology* const of;
    const Clock& clock;

    // Guarded by the run's mutex.
    std::uint64_t wanted = 1;   ///< Probes asked for.
    std::uint64_t checked = 0;  ///< The value of `wanted` that the last finished probe began with.
    bool over = false;
    std::shared_ptr<io::Signal> sleeping;

    // For the run's loop only.
    std::shared_ptr<Node> node;
    std::unique_ptr<Connection> connection;
    bool warmed_up = false;
  };

  /// One of the run's tasks, counted until it ends.
  class Running {
   public:
    explicit Running(std::shared_ptr<Run> run) : run_(std::move(run)) {
      const Lock lock(run_->mutex_);
      ++run_->tasks_;
    }
    Running(const Running&) = delete;
    Running& operator=(const Running&) = delete;
    ~Running() {
      // In a child of a sink's, this goes on as a thread that nobody wants there.
      if (run_->is_of_this_process()) run_->end_task();
    }

   private:
    const std::shared_ptr<Run> run_;
  };

  void begin(io::Loop& loop) {
    {
      const Lock lock(mutex_);
      if (stopped_) return;
      loop_ = &loop;
      thread_ = std::this_thread::get_id();
    }
    loop.spawn(listen(shared_from_this(), loop));
  }

  [[nodiscard]] bool is_here_locked() const GRANT_REQUIRES(mutex_) {
    return loop_ != nullptr && thread_ == std::this_thread::get_id();
  }
  [[nodiscard]] bool is_here() {
    const Lock lock(mutex_);
    return is_here_locked();
  }

  void end_task() {
    const Lock lock(mutex_);
    if (--tasks_ > 0) return;
    loop_ = nullptr;
    ended_ = true;
    watches_.clear();
    checked_.notify_all();
  }

  /// Asks for one more probe; gives the number that `checked` reaches when it is done.
  static std::uint64_t wake_locked(Watch& watch) {
    if (watch.sleeping) watch.sleeping->set();
    return ++watch.wanted;
  }

  /// Those that are being probed are in this round already.
  void wake_sleeping(const Topology* of) {
    const Lock lock(mutex_);
    for (const auto& watch : watches_) {
      if (watch->of == of && watch->sleeping) watch->sleeping->set();
    }
  }

  /// Begins to watch the nodes that have come.
  Task<void> listen(std::shared_ptr<Run> self, io::Loop& loop) {
    const Running running(self);
    auto outcome = io::Outcome::ready;
    while (outcome != io::Outcome::cancelled && !loop.is_cancelled()) {
      const auto signal = loop.make_signal();
      for (const auto& watch : self->find_new(signal)) {
        // An event that its probe tells of may stop all of this.
        if (loop.is_cancelled()) co_return;
        loop.spawn(probe_all(self, loop, watch));
      }
      outcome = co_await io::Call(loop).signalled(*signal);
    }
  }

  std::vector<std::shared_ptr<Watch>> find_new(const std::shared_ptr<io::Signal>& signal) {
    std::vector<std::weak_ptr<Topology>> topologies;
    std::uint64_t news = 0;
    {
      const Lock lock(mutex_);
      std::erase_if(topologies_, [](const auto& topology) { return topology.expired(); });
      topologies = topologies_;
      listening_ = signal;
      news = news_;
    }
    std::vector<std::shared_ptr<Watch>> found;
    for (const auto& known : topologies) {
      const auto topology = known.lock();
      if (!topology) continue;
      for (const auto& member : topology->members()) {
        if (!is_watched(*topology, *member.node)) {
          found.push_back(std::make_shared<Watch>(topology, member.node));
        }
      }
    }
    const Lock lock(mutex_);
    watches_.insert(watches_.end(), found.begin(), found.end());
    heard_ = news;
    checked_.notify_all();
    return found;
  }

  [[nodiscard]] bool is_watched(const Topology& topology, const Node& node) {
    const Lock lock(mutex_);
    return std::ranges::any_of(watches_, [&](const auto& watch) {
      return watch->of == &topology && watch->node.get() == &node;
    });
  }

  /// The nodes of a cluster are probed together, because each is judged by what the others said.
  Task<void> probe_all(std::shared_ptr<Run> self, io::Loop& loop, std::shared_ptr<Watch> watch) {
    const Running running(self);
    auto outcome = io::Outcome::ready;
    while (outcome != io::Outcome::cancelled && !loop.is_cancelled()) {
      auto topology = watch->topology.lock();
      if (!topology || !topology->begin_probe(watch->node->id())) break;
      const auto wanted = self->begin_check(*watch);
      const auto deadline = after(loop.now(), topology->probe_timeout());
      topology.reset();  // it may go meanwhile
      const auto result = co_await probe(*watch, io::Call(loop, deadline));
      if (loop.is_cancelled()) break;
      topology = watch->topology.lock();
      if (!topology) break;
      topology->record(watch->node->id(), result);
      // An event sink has forked, and goes on in the child as this thread, which nobody wants
      // there.
      if (!self->is_of_this_process()) loop.cancel();
      if (loop.is_cancelled()) break;
      const auto pause_ends = after(loop.now(), topology->next_check_in());
      if (result.seen && !std::exchange(watch->warmed_up, true)) {
        const io::Call call(loop, after(loop.now(), topology->probe_timeout()));
        loop.spawn(warm_up(self, watch->node, call));
      }
      topology.reset();
      const auto signal = self->end_check(*watch, wanted, loop.make_signal());
      outcome = co_await io::Call(loop, pause_ends).signalled(*signal);
      if (outcome == io::Outcome::timed_out) self->wake_sleeping(watch->of);
    }
    if (!self->is_of_this_process()) co_return;
    self->forget(*watch);
    watch->connection.reset();
    watch->node.reset();
  }

  std::uint64_t begin_check(Watch& watch) {
    const Lock lock(mutex_);
    watch.sleeping = nullptr;
    return watch.wanted;
  }

  /// The signal that ends the pause; set already if another probe was asked for meanwhile.
  std::shared_ptr<io::Signal> end_check(Watch& watch, std::uint64_t wanted,
                                        std::shared_ptr<io::Signal> signal) {
    const Lock lock(mutex_);
    watch.checked = wanted;
    watch.sleeping = signal;
    if (watch.wanted > wanted) signal->set();
    checked_.notify_all();
    return signal;
  }

  void forget(Watch& watch) {
    const Lock lock(mutex_);
    watch.over = true;
    std::erase_if(watches_, [&watch](const auto& each) { return each.get() == &watch; });
    checked_.notify_all();
  }

  Task<ProbeResult> probe(Watch& watch, io::Call call) {
    const bool kept = watch.connection && watch.connection->is_open();
    auto result = co_await probe_once(watch, call);
    // A connection that is lost may be all that was wrong: a new one tells.
    if (kept && !result.seen && result.error.code == Errc::unavailable) {
      result = co_await probe_once(watch, call);
    }
    co_return result;
  }

  Task<ProbeResult> probe_once(Watch& watch, io::Call call) {
    ProbeResult result;
    const auto began = watch.clock.now();
    try {
      if (!watch.connection || !watch.connection->is_open()) {
        watch.connection = co_await watch.node->driver().connect(call, watch.node->target());
      }
      result.seen = co_await watch.connection->probe(call);
    } catch (const Error& error) {
      result.error = error.info();
      watch.connection.reset();
    } catch (const std::exception& error) {
      result.error.code = Errc::unavailable;
      result.error.message =
          fmt::format("node \"{}\": the probe failed: {}", watch.node->name(), error.what());
      watch.connection.reset();
    }
    result.at = watch.clock.now();
    result.took = result.at - began;
    co_return result;
  }

  /// Opens the node's first connections, once the node is known to answer.
  Task<void> warm_up(std::shared_ptr<Run> self, std::shared_ptr<Node> node, io::Call call) {
    const Running running(std::move(self));
    try {
      co_await node->warm_up(call);
    } catch (const std::exception&) {
      // The next query opens its own connection and reports what is wrong.
    }
  }

  io::Runtime& runtime_;
  const std::uint64_t forks_ = detail::forks();

  // Guards everything below. Not held across I/O, callbacks or logging.
  Mutex mutex_;
  Condition checked_;
  std::vector<std::weak_ptr<Topology>> topologies_ GRANT_GUARDED_BY(mutex_);
  std::vector<std::shared_ptr<Watch>> watches_ GRANT_GUARDED_BY(mutex_);
  std::shared_ptr<io::Signal> listening_ GRANT_GUARDED_BY(mutex_);
  std::uint64_t news_ GRANT_GUARDED_BY(mutex_) = 1;    ///< Grows when nodes may have come.
  std::uint64_t heard_ GRANT_GUARDED_BY(mutex_) = 0;   ///< Up to where all are watched.
  io::Loop* loop_ GRANT_GUARDED_BY(mutex_) = nullptr;  ///< While it runs, ...
  std::thread::id thread_ GRANT_GUARDED_BY(mutex_);    ///< ... here.
  std::size_t tasks_ GRANT_GUARDED_BY(mutex_) = 0;
  bool stopped_ GRANT_GUARDED_BY(mutex_) = false;
  bool ended_ GRANT_GUARDED_BY(mutex_) = false;
};

/// What there is of a monitor in every process.
class HealthMonitor::Impl : public std::enable_shared_from_this<Impl> {
 public:
  explicit Impl(io::Runtime& runtime) : runtime_(runtime) {}

  void watch(const std::shared_ptr<Topology>& topology) {
    // Weak: a statement may hold its cluster for longer than the monitor lives.
    topology->on_probe_wanted([weak = weak_from_this(), topology = topology.get()] {
      const auto monitor = weak.lock();
      if (const auto run = monitor ? monitor->here() : nullptr) run->wake_all(*topology);
    });
    {
      const Lock lock(mutex_);
      std::erase_if(topologies_, [](const auto& known) { return known.expired(); });
      topologies_.push_back(topology);
      if (!run_ || !run_->is_of_this_process()) return;  // which will find it there
    }
    if (const auto run = here()) run->watch(topology);
  }

  /// The run of this process, which starts now if there is none yet. Null once stopped.
  std::shared_ptr<Run> here() {
    const Lock lock(mutex_);
    if (stopped_ || (run_ && run_->is_of_this_process())) return run_;
    auto run = std::make_shared<Run>(runtime_);
    for (const auto& topology : topologies_) run->watch(topology);
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
  /// A parent's run. To end it would need its threads, and to free it would close its connections.
  static void leave_alone(std::shared_ptr<Run> run) {
    if (run) static_cast<void>(new std::shared_ptr<Run>(std::move(run)));
  }

  io::Runtime& runtime_;

  Mutex mutex_;
  std::vector<std::weak_ptr<Topology>> topologies_ GRANT_GUARDED_BY(mutex_);
  std::shared_ptr<Run> run_ GRANT_GUARDED_BY(mutex_);
  bool stopped_ GRANT_GUARDED_BY(mutex_) = false;
  const detail::HeldOverForks held_{mutex_};
};

HealthMonitor::HealthMonitor(const std::vector<std::shared_ptr<Cluster>>& clusters,
                             io::Runtime& runtime)
    : forks_(detail::forks()), impl_(std::make_shared<Impl>(runtime)) {
  for (const auto& cluster : clusters) watch(cluster);
  impl_->here();
}

HealthMonitor::~HealthMonitor() { impl_->stop(); }

void HealthMonitor::watch(const std::shared_ptr<Cluster>& cluster) {
  impl_->watch(cluster->shared_topology());
}

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
