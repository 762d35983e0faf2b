#include "fork.hpp"

#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <deque>
#include <mutex>
#include <new>
#include <thread>
#include <utility>
#include <vector>

namespace grant::detail {
namespace {

/// Everything that takes part in a fork. Its own lock is held while the process forks, so that the
/// child finds the lists whole.
struct Known {
  std::mutex mutex;
  std::vector<Mutex*> mutexes;
  std::vector<LibraryGate*> gates;
  std::vector<LibraryGate*> closed;  ///< While the process forks.
  std::vector<std::pair<void*, void (*)(void*)>> renewed;
  std::vector<const HiddenFromChildren*> hidden;
};

/// The calls that this thread is in.
constinit thread_local const LibraryGate::Inside* innermost_call = nullptr;

/// The libraries that this thread has been in, so many at most. Usable when the destructors of the
/// thread's objects have run.
constinit thread_local std::array<LibraryGate*, 8> gates_used{};

/// Keeps a thread inside while it ends: what it has left in a library the library takes down then,
/// under locks of its own, as OpenSSL does. That is done by destructors of pthread keys, which come
/// after those of C++, in rounds (pthread_key_create(3)).
class ThreadEnd {
 public:
  ThreadEnd() = default;
  ThreadEnd(const ThreadEnd&) = delete;
  ThreadEnd& operator=(const ThreadEnd&) = delete;
  ~ThreadEnd();

  static void remember(LibraryGate& gate) noexcept;

 private:
  struct Stay {
    std::deque<LibraryGate::Inside> calls;
    int rounds = 0;
  };

  static pthread_key_t key();
  static void next_round(void* stay) noexcept;
  static void leave(Stay* stay) noexcept;
};

thread_local ThreadEnd thread_end;

void before_fork() noexcept;
void after_fork_in_parent() noexcept;
void after_fork_in_child() noexcept;

Known& known() {
  // Never destroyed: connections may be closed, and processes forked, while the process ends.
  static auto& all = *new Known;
  static const int watched =
      ::pthread_atfork(before_fork, after_fork_in_parent, after_fork_in_child);
  static_cast<void>(watched);  // fails for lack of memory only; then a fork is not noticed
  return all;
}

// Locked in one function and unlocked in another, which the analysis cannot follow.
#if defined(__clang__)
#define GRANT_NOT_ANALYSED __attribute__((no_thread_safety_analysis))
#else
#define GRANT_NOT_ANALYSED
#endif
GRANT_NOT_ANALYSED void lock(Mutex& mutex) { mutex.lock(); }
GRANT_NOT_ANALYSED void unlock(Mutex& mutex) { mutex.unlock(); }

void before_fork() noexcept {
  auto& all = known();
  // First, because who is inside a library may need any of the others to come out again.
  all.mutex.lock();
  auto gates = all.gates;
  all.mutex.unlock();
  for (auto* gate : gates) gate->close();
  all.mutex.lock();
  all.closed = std::move(gates);
  for (auto* mutex : all.mutexes) lock(*mutex);
}

void after_fork_in_parent() noexcept {
  auto& all = known();
  for (auto* mutex : all.mutexes) unlock(*mutex);
  for (auto* gate : all.closed) gate->open_in_parent();
  all.mutex.unlock();
}

void after_fork_in_child() noexcept {
  auto& all = known();
  fork_count.fetch_add(1, std::memory_order_relaxed);
  for (auto* mutex : all.mutexes) unlock(*mutex);
  for (auto* gate : all.closed) gate->open_in_child();
  if (!all.hidden.empty()) {
    const int nothing = ::open("/dev/null", O_RDWR | O_CLOEXEC);
    for (const auto* socket : all.hidden) socket->hide(nothing);
    if (nothing >= 0) ::close(nothing);
    all.hidden.clear();
  }
  for (const auto& [object, renew] : all.renewed) renew(object);
  all.mutex.unlock();
}

void ThreadEnd::remember(LibraryGate& gate) noexcept {
  const auto place = std::ranges::find_if(
      gates_used, [&](const auto* known) { return known == nullptr || known == &gate; });
  if (place == gates_used.end() || *place == &gate) return;
  *place = &gate;
  [[maybe_unused]] const auto* const has_its_destructor_called = &thread_end;
}

ThreadEnd::~ThreadEnd() {
  // The main thread ends with the process, which skips the keys' destructors.
  if (::gettid() == ::getpid()) return;
  auto* stay = new Stay;
  for (auto* gate : gates_used) {
    if (gate != nullptr) stay->calls.emplace_back(*gate);
  }
  if (::pthread_setspecific(key(), stay) != 0) leave(stay);
}

pthread_key_t ThreadEnd::key() {
  static const pthread_key_t created = [] {
    pthread_key_t key = 0;
    if (::pthread_key_create(&key, next_round) != 0) throw std::bad_alloc();
    return key;
  }();
  return created;
}

void ThreadEnd::next_round(void* stay) noexcept {
  auto* const mine = static_cast<Stay*>(stay);
  // The other keys have had theirs when the second one begins.
  if (++mine->rounds == 1 && ::pthread_setspecific(key(), stay) == 0) return;
  leave(mine);
}

void ThreadEnd::leave(Stay* stay) noexcept {
  while (!stay->calls.empty()) stay->calls.pop_back();  // they are nested
  delete stay;
}

}  // namespace

HeldOverForks::HeldOverForks(Mutex& mutex) : mutex_(mutex) {
  const std::scoped_lock lock(known().mutex);
  known().mutexes.push_back(&mutex_);
}

HeldOverForks::~HeldOverForks() {
  const std::scoped_lock lock(known().mutex);
  std::erase(known().mutexes, &mutex_);
}

RenewedInChildren::RenewedInChildren(void* object, void (*renew)(void*)) : object_(object) {
  const std::scoped_lock lock(known().mutex);
  known().renewed.emplace_back(object, renew);
}

RenewedInChildren::~RenewedInChildren() {
  const std::scoped_lock lock(known().mutex);
  std::erase_if(known().renewed, [this](const auto& each) { return each.first == object_; });
}

HiddenFromChildren::HiddenFromChildren(int socket) : socket_(socket) {
  if (::fstat(socket_, &seen_) != 0) return;
  const std::scoped_lock lock(known().mutex);
  known().hidden.push_back(this);
}

HiddenFromChildren::~HiddenFromChildren() {
  const std::scoped_lock lock(known().mutex);
  std::erase(known().hidden, this);
}

void HiddenFromChildren::hide(int nothing) const noexcept {
  // A client library closes the socket of a lost connection, and the number becomes another's.
  struct stat now {};
  if (::fstat(socket_, &now) != 0 || !S_ISSOCK(now.st_mode) || now.st_dev != seen_.st_dev ||
      now.st_ino != seen_.st_ino) {
    return;
  }
  if (nothing < 0 || ::dup3(nothing, socket_, O_CLOEXEC) < 0) ::close(socket_);
}

LibraryGate::LibraryGate() {
  const std::scoped_lock lock(known().mutex);
  known().gates.push_back(this);
}

void LibraryGate::enter() noexcept {
  while (true) {
    if (closing_.load(std::memory_order_seq_cst)) {
      const Lock until_forked(closing_mutex_);
    }
    inside_.fetch_add(1, std::memory_order_seq_cst);
    if (!closing_.load(std::memory_order_seq_cst)) return;
    inside_.fetch_sub(1, std::memory_order_seq_cst);
  }
}

LibraryGate::Inside::Inside(LibraryGate& gate) noexcept
    : gate_(gate),
      forks_(forks()),
      outer_(std::exchange(innermost_call, this)),
      counted_(!is_in(gate, outer_)) {
  if (!counted_) return;
  ThreadEnd::remember(gate_);
  gate_.enter();
}

LibraryGate::Inside::~Inside() {
  innermost_call = outer_;
  // A child counts anew.
  if (counted_ && forks_ == forks()) gate_.inside_.fetch_sub(1, std::memory_order_seq_cst);
}

bool LibraryGate::is_in(const LibraryGate& gate, const Inside* call) noexcept {
  for (; call != nullptr; call = call->outer_) {
    if (&call->gate_ == &gate) return true;
  }
  return false;
}

LibraryGate::Outside::Outside(LibraryGate& gate) noexcept
    : gate_(gate), counted_(is_in(gate, innermost_call)) {
  if (counted_) gate_.inside_.fetch_sub(1, std::memory_order_seq_cst);
}

LibraryGate::Outside::~Outside() {
  if (counted_) gate_.enter();
}

void LibraryGate::close() noexcept {
  lock(closing_mutex_);
  closing_.store(true, std::memory_order_seq_cst);
  const auto end = std::chrono::steady_clock::now() + kPatience;
  while (inside_.load(std::memory_order_seq_cst) > 0 && std::chrono::steady_clock::now() < end) {
    // Calls end without telling anybody.
    std::this_thread::sleep_for(std::chrono::microseconds(20));
  }
}

void LibraryGate::open_in_parent() noexcept {
  closing_.store(false, std::memory_order_seq_cst);
  unlock(closing_mutex_);
}

void LibraryGate::open_in_child() noexcept {
  if (inside_.exchange(0) > 0) shut_.store(true, std::memory_order_relaxed);
  open_in_parent();
}

}  // namespace grant::detail
