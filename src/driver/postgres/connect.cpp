#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "connection.hpp"
#include "errors.hpp"
#include "grant/core/error.hpp"

namespace grant::postgres {
namespace {

[[noreturn]] void fail_connect(const PGconn* handle, const std::string& node) {
  throw_error(connect_error(PQerrorMessage(handle), node));
}

[[noreturn]] void fail_waiting(io::Outcome outcome, const std::string& node, Duration waited) {
  const bool cancelled = outcome == io::Outcome::cancelled;
  ErrorInfo info;
  info.code = cancelled ? Errc::cancelled : Errc::unavailable;
  info.node = node;
  info.message =
      cancelled
          ? fmt::format("node \"{}\": cancelled while connecting", node)
          : fmt::format("node \"{}\": no answer to the connection attempt within {} ms", node,
                        std::chrono::duration_cast<std::chrono::milliseconds>(waited).count());
  throw_error(std::move(info));
}

ConnectionHandle start_connecting(const Settings& settings) {
  std::vector<const char*> names;
  std::vector<const char*> values;
  for (const auto& [name, value] : settings.keywords) {
    names.push_back(name.c_str());
    values.push_back(value.c_str());
  }
  names.push_back(nullptr);
  values.push_back(nullptr);
  ConnectionHandle handle(PQconnectStartParams(names.data(), values.data(), 0));
  if (!handle) throw std::bad_alloc();
  return handle;
}

}  // namespace

Task<void> PostgresConnection::open(io::Call call, const Settings& settings) {
  const auto started = Clock::system().now();
  const auto limited =
      settings.connect_timeout ? call.until(after(started, *settings.connect_timeout)) : call;
  ConnectionHandle handle = start_connecting(settings);
  PQsetNoticeReceiver(handle.get(), &PostgresConnection::on_notice, this);
  // Connection errors have no field for the SQLSTATE, but verbose text holds it.
  PQsetErrorVerbosity(handle.get(), PQERRORS_VERBOSE);
  if (PQstatus(handle.get()) == CONNECTION_BAD) fail_connect(handle.get(), node_);

  auto next = PGRES_POLLING_WRITING;
  while (next != PGRES_POLLING_OK) {
    if (next == PGRES_POLLING_FAILED) fail_connect(handle.get(), node_);
    const auto interest = next == PGRES_POLLING_READING ? io::Interest::read : io::Interest::write;
    // libpq changes the socket when it goes on to another address.
    const io::Outcome outcome = co_await limited.ready(PQsocket(handle.get()), interest);
    if (outcome != io::Outcome::ready) {
      fail_waiting(outcome, node_, Clock::system().now() - started);
    }
    next = PQconnectPoll(handle.get());
  }
  PQsetErrorVerbosity(handle.get(), PQERRORS_DEFAULT);
  if (PQsetnonblocking(handle.get(), 1) != 0) fail_connect(handle.get(), node_);
  handle_ = std::move(handle);
  last_used_ = Clock::system().now();
  co_await pin_session(limited);
}

// Times cross as text in rows that hold a type only known as text, and `localtimestamp` in a
// column default follows the session's zone. The server reports both settings on connecting, so
// most sessions need no extra round trip; `options` would need none ever, but poolers refuse it.
Task<void> PostgresConnection::pin_session(io::Call call) {
  const auto reported = [this](const char* name) {
    const char* value = PQparameterStatus(handle_.get(), name);
    return value != nullptr ? std::string_view(value) : std::string_view{};
  };
  constexpr std::array<std::string_view, 4> utc{"UTC", "Etc/UTC", "GMT", "Zulu"};
  const bool in_utc = std::ranges::find(utc, reported("TimeZone")) != utc.end();
  if (in_utc && reported("DateStyle").starts_with("ISO")) co_return;
  co_await run_simple(call, "SET TimeZone = 'UTC'; SET DateStyle = 'ISO'", Effect::read);
}

}  // namespace grant::postgres
