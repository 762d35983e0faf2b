#include <fmt/format.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "connection.hpp"
#include "driver/by_name.hpp"
#include "driver/failures.hpp"
#include "driver/stopwatch.hpp"
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

/// Whether what the server says can be seen.
bool is_in_clear(PGconn* handle) { return PQsslInUse(handle) == 0 && PQgssEncInUse(handle) == 0; }

PostgresPollingStatusType poll(PGconn* handle) {
  const grant::detail::LibraryGate::Inside inside(gate());
  return PQconnectPoll(handle);
}

}  // namespace

Task<void> PostgresConnection::open(io::Call call, const Settings& settings,
                                    const io::Resolver& resolver, driver::Turns& turns) {
  if (settings.host_name.empty()) {
    co_await attempt(call, settings, {}, turns);
  } else {
    const driver::Attempt attempt_at = [&](io::Call share, const std::string& address) {
      return attempt(share, settings, address, turns);
    };
    co_await driver::connect_by_name(call, resolver, node_, settings.host_name, attempt_at);
  }
  try {
    co_await pin_session(call);
  } catch (const Error& error) {
    // To the caller this is still connecting, in which nothing can be in doubt.
    if (error.code() != Errc::timeout) throw;
    auto info = error.info();
    info.code = Errc::unavailable;
    throw_error(std::move(info));
  }
}

Task<void> PostgresConnection::attempt(io::Call call, const Settings& settings, std::string address,
                                       driver::Turns& turns) {
  if (gate().is_shut()) throw_error(failures::shut_out(node_, "libpq"));
  const driver::Stopwatch watch(call);
  const auto gave_up = [&](io::Outcome outcome) {
    throw_error(failures::gave_up_connecting(node_, outcome, watch.elapsed()));
  };
  ConnectionHandle handle;
  {
    // Where the environment names the host, libpq looks it up itself.
    const auto turn = turns.take(call.deadline());
    if (!turn) gave_up(io::Outcome::timed_out);
    handle = start_connecting(settings, address);
  }
  channel_.hear(handle.get());
  // Connection errors have no field for the SQLSTATE, but verbose text holds it.
  PQsetErrorVerbosity(handle.get(), PQERRORS_VERBOSE);
  if (PQstatus(handle.get()) == CONNECTION_BAD) fail_connect(handle.get(), node_);

  LoginScanner scanner;
  auto next = PGRES_POLLING_WRITING;
  while (next != PGRES_POLLING_OK) {
    if (next == PGRES_POLLING_FAILED) fail_connect(handle.get(), node_);
    const auto interest = next == PGRES_POLLING_READING ? io::Interest::read : io::Interest::write;
    // libpq changes the socket when it goes on to another address.
    io::Outcome outcome = co_await call.ready(PQsocket(handle.get()), interest);
    if (outcome == io::Outcome::ready && next == PGRES_POLLING_READING) {
      outcome = co_await look_at_login(call, settings, handle.get(), scanner);
    }
    const bool late = call.deadline() <= call.now();
    if (outcome == io::Outcome::ready && late) outcome = io::Outcome::timed_out;
    if (outcome != io::Outcome::ready) gave_up(outcome);
    if (is_in_clear(handle.get())) {
      next = poll(handle.get());
    } else {
      // It may be asked to derive a key with any number of iterations.
      const auto turn = turns.take(call.deadline());
      if (!turn) gave_up(io::Outcome::timed_out);
      next = poll(handle.get());
    }
  }
  PQsetErrorVerbosity(handle.get(), PQERRORS_DEFAULT);
  if (PQsetnonblocking(handle.get(), 1) != 0) fail_connect(handle.get(), node_);
  channel_.open(std::move(handle), call.now());
}

Task<io::Outcome> PostgresConnection::look_at_login(io::Call call, const Settings& settings,
                                                    PGconn* handle, LoginScanner& scanner) const {
  using Finding = LoginScanner::Finding;
  if (!is_in_clear(handle)) co_return io::Outcome::ready;
  const auto status = PQstatus(handle);
  const bool answers = status == CONNECTION_SSL_STARTUP || status == CONNECTION_GSS_STARTUP;
  if (answers) scanner.reset();
  std::vector<char> bytes(std::size_t{64} * 1024);
  auto finding = Finding::incomplete;
  while (true) {
    const auto size = ::recv(PQsocket(handle), bytes.data(), bytes.size(), MSG_PEEK | MSG_DONTWAIT);
    // What is wrong with the connection libpq finds out, and says.
    if (size <= 0) co_return io::Outcome::ready;
    const std::string_view seen(bytes.data(), static_cast<std::size_t>(size));
    finding = answers ? LoginScanner::scan_answer(seen) : scanner.scan(seen);
    if (finding != Finding::incomplete || seen.size() == bytes.size()) break;
    // A socket with a part of it is ready at once.
    constexpr auto pause = std::chrono::milliseconds(2);
    co_await call.sleep_until(after(call.now(), pause));
    if (call.now() >= call.deadline()) co_return io::Outcome::timed_out;
  }
  const auto refuse = [&](Errc code, std::string_view why) {
    throw_error(failures::at(node_, code, fmt::format("cannot connect: {}", why)));
  };
  switch (finding) {
    case Finding::none: break;
    case Finding::clear_password:
      if (settings.clear_password == ClearPassword::always) break;
      refuse(
          Errc::configuration,
          "the server asks for the password in clear on a connection without TLS, and it was not "
          "sent: set sslmode, or clear_password=always");
      break;
    case Finding::costly:
      refuse(Errc::unavailable,
             fmt::format("the server asks for more than {} iterations of SCRAM, which would take "
                         "the processor for long",
                         kMostIterations));
      break;
    case Finding::incomplete:
    case Finding::unasked:
      refuse(Errc::unavailable, "the server sends more than what it was asked for");
  }
  co_return io::Outcome::ready;
}

// Times cross as text in rows that hold a type only known as text, and `localtimestamp` in a
// column default follows the session's zone. The server reports both settings on connecting, so
// most sessions need no extra round trip; `options` would need none ever, but poolers refuse it.
Task<void> PostgresConnection::pin_session(io::Call call) {
  const auto reported = [this](const char* name) {
    const char* value = PQparameterStatus(channel_.handle(), name);
    return value != nullptr ? std::string_view(value) : std::string_view{};
  };
  constexpr std::array<std::string_view, 4> utc{"UTC", "Etc/UTC", "GMT", "Zulu"};
  const auto keeps_time = [&] {
    const bool in_utc = std::ranges::find(utc, reported("TimeZone")) != utc.end();
    return in_utc && reported("DateStyle").starts_with("ISO");
  };
  const bool escapes = reported("standard_conforming_strings") != "on";
  if (escapes) co_await run_simple(call, "SET standard_conforming_strings = on", Effect::read);
  if (!keeps_time()) {
    co_await run_simple(call, "SET TimeZone = 'UTC'; SET DateStyle = 'ISO'", Effect::read);
  }
  const auto promise = [&](std::string_view name, bool kept) {
    if (kept) return;
    throw_error(failures::at(
        node_, Errc::configuration,
        fmt::format("cannot connect: the server does not keep the session's {} as it was set",
                    name)));
  };
  promise("client_encoding", reported("client_encoding") == "UTF8");
  promise("standard_conforming_strings", reported("standard_conforming_strings") == "on");
  promise("integer_datetimes", reported("integer_datetimes") != "off");
  promise("TimeZone and DateStyle", keeps_time());
}

}  // namespace grant::postgres
