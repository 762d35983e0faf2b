#include "grant/io/resolver.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netdb.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <stdexcept>
#include <system_error>
#include <utility>

#include "grant/io/worker.hpp"

namespace grant::io {
namespace {

// Their own threads: when no name server answers, other blocking work goes on.
constinit ProcessWorkers lookups(16);

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

Resolver::Resolver() : lookup_(ask_system) {}
Resolver::Resolver(Lookup lookup) : lookup_(std::move(lookup)) {}

Task<Resolved> Resolver::resolve(Call call, std::string host) const {
  Resolved resolved;
  if (is_address(host)) {
    resolved.addresses.push_back(std::move(host));
    co_return resolved;
  }
  auto work = [lookup = lookup_, host = std::move(host)] {
    Resolved found;
    try {
      found.addresses = lookup(host);
      if (found.addresses.empty()) found.failure = "it has no address";
    } catch (const std::exception& error) {
      found.failure = error.what();
    }
    return found;
  };
  auto done = co_await offload(call, std::move(work), lookups.get());
  if (done.value) co_return std::move(*done.value);
  resolved.outcome = done.outcome;
  co_return resolved;
}

}  // namespace grant::io
