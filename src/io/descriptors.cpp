#include "descriptors.hpp"

#include <poll.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <span>
#include <utility>

#include "poll_events.hpp"

namespace grant::io {
namespace {

constexpr std::size_t kFew = 8;

// The same bits for both, so that one function says whether a wait is over.
static_assert(EPOLLIN == POLLIN && EPOLLOUT == POLLOUT && EPOLLERR == POLLERR &&
              EPOLLHUP == POLLHUP);

bool is_ready(const Wait& wait, unsigned seen) noexcept {
  const auto asked = static_cast<unsigned>(poll_events(wait.interest));
  return (seen & (asked | POLLERR | POLLHUP | POLLNVAL)) != 0;
}

}  // namespace

Descriptors::~Descriptors() {
  if (epoll_ >= 0) ::close(epoll_);
}

void Descriptors::add(Wait& wait) {
  if (epoll_ < 0 && few_.size() >= kFew) open_epoll();
  if (epoll_ < 0) {
    few_.push_back(&wait);
  } else {
    enter(wait);
  }
}

void Descriptors::open_epoll() {
  epoll_ = ::epoll_create1(EPOLL_CLOEXEC);
  if (epoll_ < 0) return;  // no descriptor left: each poll looks at all of them, which is slower
  for (Wait* wait : std::exchange(few_, {})) enter(*wait);
}

void Descriptors::enter(Wait& wait) {
  auto& waits = many_[wait.fd];
  waits.push_back(&wait);
  if (arm(wait.fd, waits)) return;
  waits.pop_back();
  if (waits.empty()) many_.erase(wait.fd);
  refused_.push_back(&wait);
}

/// For one event, after which the epoll is silent about the descriptor: it may be closed while a
/// forked child keeps it open, and nobody could remove it then. Armed once, it stays known, so that
/// the next wait costs one call.
bool Descriptors::arm(int fd, const std::vector<Wait*>& waits) const noexcept {
  epoll_event event{EPOLLONESHOT, {.fd = fd}};
  for (const Wait* wait : waits) event.events |= static_cast<unsigned>(poll_events(wait->interest));
  if (::epoll_ctl(epoll_, EPOLL_CTL_MOD, fd, &event) == 0) return true;
  return errno == ENOENT && ::epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event) == 0;
}

void Descriptors::remove(Wait& wait) noexcept {
  if (std::erase(few_, &wait) != 0 || std::erase(refused_, &wait) != 0) return;
  const auto found = many_.find(wait.fd);
  if (found == many_.end()) return;
  auto& [fd, waits] = *found;
  std::erase(waits, &wait);
  if (!waits.empty()) return;  // what it alone asked for ends nobody's wait
  static_cast<void>(::epoll_ctl(epoll_, EPOLL_CTL_DEL, fd, nullptr));
  many_.erase(found);
}

bool Descriptors::poll(int other, const std::optional<timespec>& timeout,
                       std::vector<Wait*>& ready) {
  constexpr timespec at_once{};
  if (!refused_.empty()) {
    ready.insert(ready.end(), refused_.begin(), refused_.end());
    refused_.clear();
    return poll_epoll(other, &at_once, ready);
  }
  const auto* limit = timeout ? &*timeout : nullptr;
  return epoll_ < 0 ? poll_each(other, limit, ready) : poll_epoll(other, limit, ready);
}

bool Descriptors::poll_each(int other, const timespec* timeout, std::vector<Wait*>& ready) {
  std::array<pollfd, kFew + 1> room;
  std::vector<pollfd> more;
  pollfd* polled = room.data();
  if (few_.size() > kFew) {
    more.resize(few_.size() + 1);
    polled = more.data();
  }
  polled[0] = {other, POLLIN, 0};
  for (std::size_t i = 0; i < few_.size(); ++i) {
    polled[i + 1] = {few_[i]->fd, poll_events(few_[i]->interest), 0};
  }
  const int count = ::ppoll(polled, few_.size() + 1, timeout, nullptr);
  if (count < 0 && errno != EINTR) take_all(ready);
  if (count <= 0) return false;
  std::size_t left = 0;
  for (std::size_t i = 0; i < few_.size(); ++i) {
    if (polled[i + 1].revents != 0) {
      ready.push_back(few_[i]);
    } else {
      few_[left++] = few_[i];
    }
  }
  few_.resize(left);
  return polled[0].revents != 0;
}

/// The epoll is polled rather than waited in, because ppoll() takes nanoseconds on every kernel.
bool Descriptors::poll_epoll(int other, const timespec* timeout, std::vector<Wait*>& ready) {
  std::array<pollfd, 2> polled{{{other, POLLIN, 0}, {epoll_, POLLIN, 0}}};
  const int count = ::ppoll(polled.data(), polled.size(), timeout, nullptr);
  if (count < 0 && errno != EINTR) take_all(ready);
  if (count <= 0) return false;
  if (polled[1].revents != 0) take_events(ready);
  return polled[0].revents != 0;
}

void Descriptors::take_events(std::vector<Wait*>& ready) {
  std::array<epoll_event, 64> events;
  while (true) {
    const int count = ::epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), 0);
    if (count < 0 && errno != EINTR) take_all(ready);  // somebody closed it
    for (const auto& event :
         std::span(events).first(static_cast<std::size_t>(std::max(count, 0)))) {
      take_ready(event.data.fd, event.events, ready);
    }
    // Those whose deadline has passed are asked as well, so all that is ready must be known.
    if (count < static_cast<int>(events.size())) return;
  }
}

void Descriptors::take_ready(int fd, unsigned seen, std::vector<Wait*>& ready) {
  const auto found = many_.find(fd);
  if (found == many_.end()) return;
  auto& waits = found->second;
  const auto over = std::stable_partition(
      waits.begin(), waits.end(), [seen](const Wait* wait) { return !is_ready(*wait, seen); });
  ready.insert(ready.end(), over, waits.end());
  waits.erase(over, waits.end());
  if (!waits.empty() && !arm(fd, waits)) {
    ready.insert(ready.end(), waits.begin(), waits.end());
    waits.clear();
  }
  if (waits.empty()) many_.erase(found);
}

void Descriptors::take_all(std::vector<Wait*>& ready) {
  ready.insert(ready.end(), few_.begin(), few_.end());
  few_.clear();
  for (const auto& [fd, waits] : many_) ready.insert(ready.end(), waits.begin(), waits.end());
  many_.clear();
}

}  // namespace grant::io
