#include "grant/io/resolver.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netdb.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <memory>
#include <stdexcept>
#include <system_error>
#include <utility>

#include "core/fork.hpp"
#include "grant/core/mutex.hpp"
#include "grant/io/worker.hpp"
#include "process_workers.hpp"

namespace grant::io {
namespace {

// Their own threads: when no name server answers, other blocking work goes on. One look-up for each
// host keeps a bad one from using them up.
constinit ProcessWorkers threads(256);

struct FreeAddresses {
  void operator()(addrinfo* addresses) const noexcept { ::freeaddrinfo(addresses); }
};

std::vector<std::string> ask_system(const std::string& host) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;  // one entry for each address, not one for each protocol
  addrinfo* raw = nullptr;
  if (const int code = ::getaddrinfo(host.c_str(), nullptr, &hints, &raw); code != 0) {
    throw std::runtime_error(code == EAI_SYSTEM ? std::generic_category().message(errno)
                                                : ::gai_strerror(code));
  }
  const std::unique_ptr<addrinfo, FreeAddresses> found(raw);
  std::vector<std::string> addresses;
  for (const auto* each = found.get(); each != nullptr; each = each->ai_next) {
    char text[NI_MAXHOST];
    if (::getnameinfo(each->ai_addr, each->ai_addrlen, text, sizeof text, nullptr, 0,
                      NI_NUMERICHOST) == 0 &&
        std::ranges::find(addresses, text) == addresses.end()) {
      addresses.emplace_back(text);
    }
  }
  return addresses;
}

}  // namespace

bool is_address(std::string_view host) {
  in6_addr ignored{};
  const std::string text(host.substr(0, host.find('%')));  // IPv6 may name an interface
  return ::inet_pton(AF_INET, std::string(host).c_str(), &ignored) == 1 ||
         ::inet_pton(AF_INET6, text.c_str(), &ignored) == 1;
}

/// What is being looked up.
class Resolver::Lookups : public std::enable_shared_from_this<Lookups> {
 public:
  explicit Lookups(Lookup lookup) : lookup_(std::move(lookup)) {}

  /// One look-up, and who waits for it.
  struct Asked {
    const std::uint64_t forks = grant::detail::forks();
    std::vector<std::shared_ptr<Signal>> waiting{};
    Resolved found{};  // constant once the signals are set
  };

  std::shared_ptr<Asked> ask(const std::string& host, std::shared_ptr<Signal> signal) {
    std::shared_ptr<Asked> asked;
    {
      const Lock lock(mutex_);
      auto& known = under_way_[host];
      // A parent's look-up has no thread in its child.
      const bool joins = known && known->forks == grant::detail::forks();
      if (!joins) known = std::make_shared<Asked>();
      known->waiting.push_back(std::move(signal));
      if (joins) return known;
      asked = known;
    }
    try {
      threads.get().post([self = shared_from_this(), host, asked] { self->look_up(host, *asked); });
    } catch (...) {
      end(host, *asked);
      throw;
    }
    return asked;
  }

  /// `signal` is not waited for any longer.
  void leave(Asked& asked, const std::shared_ptr<Signal>& signal) {
    const Lock lock(mutex_);
    std::erase(asked.waiting, signal);
  }

 private:
  void look_up(const std::string& host, Asked& asked) {
    try {
      asked.found.addresses = lookup_(host);
      if (asked.found.addresses.empty()) asked.found.failure = "it has no address";
    } catch (const std::exception& error) {
      asked.found.failure = error.what();
    }
    end(host, asked);
  }

  /// Nobody joins it from now on.
  void end(const std::string& host, Asked& asked) {
    std::vector<std::shared_ptr<Signal>> waiting;
    {
      const Lock lock(mutex_);
      const auto known = under_way_.find(host);
      if (known != under_way_.end() && known->second.get() == &asked) under_way_.erase(known);
      waiting.swap(asked.waiting);
    }
    for (const auto& signal : waiting) signal->set();
  }

  const Lookup lookup_;
  Mutex mutex_;
  const grant::detail::HeldOverForks held_{mutex_};
  std::map<std::string, std::shared_ptr<Asked>> under_way_ GRANT_GUARDED_BY(mutex_);
};

Resolver::Resolver() : Resolver(ask_system) {}
Resolver::Resolver(Lookup lookup) : lookups_(std::make_shared<Lookups>(std::move(lookup))) {}

Task<Resolved> Resolver::resolve(Call call, std::string host) const {
  Resolved resolved;
  if (is_address(host)) {
    resolved.addresses.push_back(std::move(host));
    co_return resolved;
  }
  const auto signal = call.waiter().make_signal();
  const auto asked = lookups_->ask(host, signal);
  resolved.outcome = co_await call.signalled(*signal);
  if (resolved.outcome == Outcome::ready) {
    resolved = asked->found;
  } else {
    lookups_->leave(*asked, signal);
  }
  co_return resolved;
}

}  // namespace grant::io
