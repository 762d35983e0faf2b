#include <algorithm>
#include <array>
#include <utility>

#include "connection.hpp"
#include "driver/by_name.hpp"
#include "driver/failures.hpp"
#include "errors.hpp"

namespace grant::postgres {
namespace {

[[noreturn]] void fail_connect(const PGconn* handle, const std::string& node) {
  throw_error(connect_error(PQerrorMessage(handle), node));
}

/// `address`: of the host; empty: libpq needs none, or has it from `settings`.
ConnectionHandle start_connecting(const Settings& settings, const std::string& address) {
  std::vector<const char*> names;
  std::vector<const char*> values;
  for (const auto& [name, value] : settings.keywords) {
    names.push_back(name.c_str());
    values.push_back(value.c_str());
  }
  if (!address.empty()) {
    names.push_back("hostaddr");
    values.push_back(address.c_str());
  }
  names.push_back(nullptr);
  values.push_back(nullptr);
  const grant::detail::LibraryGate::Inside inside(gate());
  ConnectionHandle handle(PQconnectStartParams(names.data(), values.data(), 0));
  if (!handle) throw std::bad_alloc();
  return handle;
}

PostgresPollingStatusType poll(PGconn* handle) {
  const grant::detail::LibraryGate::Inside inside(gate());
  return PQconnectPoll(handle);
}

}  // namespace

Task<void> PostgresConnection::open(io::Call call, const Settings& settings,
                                    const io::Resolver& resolver) {
  const auto limited = settings.connect_timeout
                           ? call.until(after(Clock::system().now(), *settings.connect_timeout))
                           : call;
  if (settings.host_name.empty()) {
    co_await attempt(limited, settings, {});
  } else {
    const driver::Attempt attempt_at = [&](io::Call share, const std::string& address) {
      return attempt(share, settings, address);
    };
    co_await driver::connect_by_name(limited, resolver, node_, settings.host_name, attempt_at);
  }
  try {
    co_await pin_session(limited);
  } catch (const Error& error) {
    // To the caller this is still connecting, in which nothing can be in doubt.
    if (error.code() != Errc::timeout) throw;
    auto info = error.info();
    info.code = Errc::unavailable;
    throw_error(std::move(info));
  }
}

Task<void> PostgresConnection::attempt(io::Call call, const Settings& settings,
                                       std::string address) {
  if (gate().is_shut()) throw_error(failures::shut_out(node_, "libpq"));
  const auto started = Clock::system().now();
  ConnectionHandle handle = start_connecting(settings, address);
  PQsetNoticeReceiver(handle.get(), &PostgresConnection::on_notice, this);
  // Connection errors have no field for the SQLSTATE, but verbose text holds it.
  PQsetErrorVerbosity(handle.get(), PQERRORS_VERBOSE);
  if (PQstatus(handle.get()) == CONNECTION_BAD) fail_connect(handle.get(), node_);

  auto next = PGRES_POLLING_WRITING;
  while (next != PGRES_POLLING_OK) {
    if (next == PGRES_POLLING_FAILED) fail_connect(handle.get(), node_);
    const auto interest = next == PGRES_POLLING_READING ? io::Interest::read : io::Interest::write;
    // libpq changes the socket when it goes on to another address.
    const io::Outcome outcome = co_await call.ready(PQsocket(handle.get()), interest);
    if (outcome != io::Outcome::ready) {
      throw_error(failures::gave_up_connecting(node_, outcome, Clock::system().now() - started));
    }
    next = poll(handle.get());
  }
  PQsetErrorVerbosity(handle.get(), PQERRORS_DEFAULT);
  if (PQsetnonblocking(handle.get(), 1) != 0) fail_connect(handle.get(), node_);
  handle_ = std::move(handle);
  hidden_.emplace(PQsocket(handle_.get()));
  last_used_ = Clock::system().now();
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
