#include "driver/by_name.hpp"

#include <fmt/format.h>

#include <string_view>
#include <utility>
#include <vector>

#include "driver/failures.hpp"
#include "driver/stopwatch.hpp"

namespace grant::driver {
namespace {

std::int64_t milliseconds(Duration span) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(span).count();
}

[[noreturn]] void fail(Errc code, const std::string& node, std::string_view what) {
  throw_error(failures::at(node, code, what));
}

/// The share of one of `count` addresses.
io::Call share_of(io::Call call, std::size_t count) {
  if (call.deadline() == kNever) return call;
  const auto now = call.now();
  return call.until(now + (call.deadline() - now) / static_cast<int>(count));
}

std::string_view without_node(std::string_view message, const std::string& node) {
  const auto prefix = fmt::format("node \"{}\": ", node);
  if (message.starts_with(prefix)) message.remove_prefix(prefix.size());
  return message;
}

}  // namespace

Task<std::vector<std::string>> look_up(io::Call call, io::Resolver resolver, std::string node,
                                       std::string host) {
  const Stopwatch watch(call);
  auto found = co_await resolver.resolve(call, host);
  if (found.outcome == io::Outcome::cancelled) {
    fail(Errc::cancelled, node, fmt::format("cancelled while looking up the host \"{}\"", host));
  }
  if (found.outcome == io::Outcome::timed_out) {
    fail(Errc::unavailable, node,
         fmt::format("cannot look up the host \"{}\": no answer within {} ms", host,
                     milliseconds(watch.elapsed())));
  }
  if (found.addresses.empty()) {
    fail(Errc::unavailable, node,
         fmt::format("cannot look up the host \"{}\": {}", host, found.failure));
  }
  co_return std::move(found.addresses);
}

Task<void> connect_by_name(io::Call call, io::Resolver resolver, std::string node, std::string host,
                           Attempt attempt) {
  const auto addresses = co_await look_up(call, std::move(resolver), node, host);
  ErrorInfo failure;
  failure.code = Errc::unavailable;
  failure.node = node;
  failure.message = fmt::format("node \"{}\": cannot connect to \"{}\"", node, host);
  for (std::size_t i = 0; i < addresses.size(); ++i) {
    const auto limited = share_of(call, addresses.size() - i);
    try {
      co_await attempt(limited, addresses[i]);
      co_return;
    } catch (const Error& error) {
      if (error.code() != Errc::unavailable || addresses.size() == 1) throw;
      failure.message += fmt::format("{} {}: {}", i == 0 ? ":" : ";", addresses[i],
                                     without_node(error.info().message, node));
      failure.sqlstate = error.sqlstate();
      failure.native = error.native();
    }
  }
  throw_error(std::move(failure));
}

}  // namespace grant::driver
