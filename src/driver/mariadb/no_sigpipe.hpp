#pragma once

#include <signal.h>

#include <ctime>

namespace grant::mariadb {

/// Keeps SIGPIPE from being raised on this thread: OpenSSL writes to sockets without saying that it
/// should not be, and a program that did not ask for the signal would end. Two system calls, none
/// where `needed` is false.
class NoSigpipe {
 public:
  explicit NoSigpipe(bool needed) noexcept {
    if (!needed) return;
    sigset_t before;
    if (::pthread_sigmask(SIG_BLOCK, &sigpipe(), &before) != 0) return;
    blocked_ = sigismember(&before, SIGPIPE) == 0;
  }

  ~NoSigpipe() {
    if (!blocked_) return;
    // One that waits was raised here: it goes to the thread that writes.
    constexpr timespec at_once{};
    while (::sigtimedwait(&sigpipe(), nullptr, &at_once) == SIGPIPE) {
    }
    ::pthread_sigmask(SIG_UNBLOCK, &sigpipe(), nullptr);
  }

  NoSigpipe(const NoSigpipe&) = delete;
  NoSigpipe& operator=(const NoSigpipe&) = delete;

 private:
  static const sigset_t& sigpipe() noexcept {
    static const sigset_t only = [] {
      sigset_t set;
      sigemptyset(&set);
      sigaddset(&set, SIGPIPE);
      return set;
    }();
    return only;
  }

  bool blocked_ = false;
};

}  // namespace grant::mariadb
