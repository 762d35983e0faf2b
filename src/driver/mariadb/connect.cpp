#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <algorithm>
#include <array>
#include <exception>
#include <new>

#include "connection.hpp"
#include "driver/by_name.hpp"
#include "driver/failures.hpp"
#include "errors.hpp"
#include "grant/core/error.hpp"
#include "greeting.hpp"

namespace grant::mariadb {
namespace {

// Name look-ups run on it, through whatever modules the system has for them. Only what is used of
// it takes memory.
constexpr std::size_t kStackSize = std::size_t{256} * 1024;

/// Until when wait_in_handshake() waits on this thread; the epoch, which is long past: not at all.
thread_local TimePoint handshake_deadline{};

/// libmariadb makes the socket a blocking one again, because plain reads and writes need no other
/// kind. Those of TLS do.
void unblock(int socket) noexcept {
  const int flags = ::fcntl(socket, F_GETFL);
  if (flags >= 0 && (flags & O_NONBLOCK) == 0) ::fcntl(socket, F_SETFL, flags | O_NONBLOCK);
}

/// The handshake of TLS does not go through the non-blocking calls: libmariadb asks this function
/// to wait, on the stack of the call that is under way, and it cannot leave that.
int wait_in_handshake(my_socket socket, my_bool is_read, int /*timeout*/) {
  unblock(socket);
  pollfd entry{socket, static_cast<short>(is_read != 0 ? POLLIN : POLLOUT), 0};
  while (true) {
    int milliseconds = -1;
    if (handshake_deadline != kNever) {
      const auto left = handshake_deadline - Clock::system().now();
      const auto whole = std::chrono::ceil<std::chrono::milliseconds>(left).count();
      milliseconds = static_cast<int>(std::clamp<std::int64_t>(whole, 0, 60'000));
    }
    int seen = 0;
    {
      // No lock is held between two steps of the handshake.
      const grant::detail::LibraryGate::Outside outside(gate());
      seen = ::poll(&entry, 1, milliseconds);
    }
    if (seen > 0) return seen;
    if (seen < 0 && errno != EINTR) return seen;
    if (seen == 0 && Clock::system().now() >= handshake_deadline) {
      errno = ETIMEDOUT;
      return 0;
    }
  }
}

/// Sets handshake_deadline for one call into libmariadb, which never changes threads.
class HandshakeDeadline {
 public:
  explicit HandshakeDeadline(TimePoint deadline) noexcept { handshake_deadline = deadline; }
  ~HandshakeDeadline() { handshake_deadline = {}; }
  HandshakeDeadline(const HandshakeDeadline&) = delete;
  HandshakeDeadline& operator=(const HandshakeDeadline&) = delete;
};

/// When the server's greeting is there before libmariadb asks for it, nobody gets to unblock() the
/// socket before the first read of TLS. That one ends soon all the same, and asks for a wait.
void limit_blocking_reads(int socket) noexcept {
  timeval limit{};
  limit.tv_usec = 1'000;
  ::setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
}

const char* or_null(const std::string& text) noexcept {
  return text.empty() ? nullptr : text.c_str();
}

/// The plugins that the server may choose from to have the password proven. libmariadb refuses the
/// others before it answers; among them dialog, which asks whoever sits at the terminal.
std::string allowed_plugins(const Settings& settings) {
  std::string plugins = "mysql_native_password,client_ed25519,parsec";
  if (may_reveal_password(settings)) {
    plugins += ",mysql_clear_password,caching_sha2_password,sha256_password";
  }
  return plugins;
}

void set_option(MYSQL* handle, mysql_option option, const void* value) {
  if (mysql_options(handle, option, value) != 0) throw std::bad_alloc();
}

void set_tls(MYSQL* handle, const Settings& settings) {
  const my_bool yes = 1;
  if (settings.tls == TlsMode::disabled) return;
  set_option(handle, MYSQL_OPT_SSL_ENFORCE, &yes);
  if (!settings.tls_authority.empty()) {
    set_option(handle, MYSQL_OPT_SSL_CA, settings.tls_authority.c_str());
  }
  if (!settings.tls_certificate.empty()) {
    set_option(handle, MYSQL_OPT_SSL_CERT, settings.tls_certificate.c_str());
    set_option(handle, MYSQL_OPT_SSL_KEY, settings.tls_key.c_str());
  }
  if (settings.tls == TlsMode::verify_full) {
    set_option(handle, MYSQL_OPT_SSL_VERIFY_SERVER_CERT, &yes);
  }
}

ConnectionHandle make_handle(const Settings& settings) {
  const grant::detail::LibraryGate::Inside inside(gate());
  ConnectionHandle handle(mysql_init(nullptr));
  if (!handle) throw std::bad_alloc();
  const unsigned int off = 0;
  const my_bool no = 0;
  const unsigned int protocol =
      settings.socket.empty() ? MYSQL_PROTOCOL_TCP : MYSQL_PROTOCOL_SOCKET;
  set_option(handle.get(), MYSQL_OPT_NONBLOCK, &kStackSize);
  set_option(handle.get(), MARIADB_OPT_IO_WAIT, reinterpret_cast<const void*>(&wait_in_handshake));
  set_option(handle.get(), MYSQL_SET_CHARSET_NAME, "utf8mb4");
  set_option(handle.get(), MYSQL_OPT_LOCAL_INFILE, &off);
  set_option(handle.get(), MYSQL_OPT_RECONNECT, &no);
  set_option(handle.get(), MYSQL_OPT_PROTOCOL, &protocol);
  if (!settings.socket.empty()) {
    // A unix socket connects without a wait, in which limit_blocking_reads() could be called. What
    // libmariadb itself can do about it takes whole seconds.
    const unsigned int second = 1;
    set_option(handle.get(), MYSQL_OPT_CONNECT_TIMEOUT, &second);
  }
  set_tls(handle.get(), settings);
  if (mysql_optionsv(handle.get(), MARIADB_OPT_RESTRICTED_AUTH,
                     allowed_plugins(settings).c_str()) != 0) {
    throw std::bad_alloc();
  }
  return handle;
}

}  // namespace

io::Call MariadbConnection::within_connect_timeout(io::Call call) const {
  const auto& limit = target_->settings.connect_timeout;
  return limit ? call.until(after(Clock::system().now(), *limit)) : call;
}

Task<void> MariadbConnection::open(io::Call call) {
  const Settings& settings = target_->settings;
  const auto limited = within_connect_timeout(call);
  if (!settings.socket.empty() || io::is_address(settings.host)) {
    co_await attempt(limited, settings, settings.host);
  } else if (settings.tls == TlsMode::verify_full) {
    // libmariadb compares the certificate with the host that it connects to, so it has to look up
    // the name itself, which blocks: by then the answer should be at hand.
    co_await driver::look_up(limited, target_->resolver, node_, settings.host);
    co_await attempt(limited, settings, settings.host);
  } else {
    const driver::Attempt attempt_at = [&](io::Call share, const std::string& address) {
      return attempt(share, settings, address);
    };
    co_await driver::connect_by_name(limited, target_->resolver, node_, settings.host, attempt_at);
  }
}

Task<void> MariadbConnection::attempt(io::Call call, const Settings& settings, std::string host) {
  // A server so near and so quick is met once in a long while, and not again and again.
  constexpr int most = 20;
  for (int i = 0; i < most; ++i) {
    if (co_await log_in(call, settings, host)) co_return;
  }
  throw_error(failures::at(node_, Errc::unavailable,
                           "cannot connect: the server's greeting could not be looked at before it "
                           "was answered"));
}

// libmariadb answers a greeting as soon as it has read it. It copies the password only then, from
// here, where it is put when the greeting is one that may be answered with it.
Task<bool> MariadbConnection::log_in(io::Call call, const Settings& settings,
                                     const std::string& host) {
  const auto started = Clock::system().now();
  if (call.deadline() <= started) {
    throw_error(failures::gave_up_connecting(node_, io::Outcome::timed_out, Duration{}));
  }
  if (gate().is_shut()) throw_error(failures::shut_out(node_, "libmariadb"));
  interrupted_ = io::Outcome::ready;
  // A unix socket connects, and libmariadb reads from it, without a return to here.
  bool looked_at = !settings.socket.empty();
  std::string password = settings.password;
  if (!looked_at) std::ranges::fill(password, '\0');
  ConnectionHandle handle = make_handle(settings);

  MYSQL* connected = nullptr;
  const auto begin = [&] {
    const grant::detail::LibraryGate::Inside inside(gate());
    const HandshakeDeadline deadline(call.deadline());
    const NoSigpipe quiet(settings.tls != TlsMode::disabled);
    return mysql_real_connect_start(&connected, handle.get(), host.c_str(), or_null(settings.user),
                                    password.c_str(), or_null(settings.database), settings.port,
                                    or_null(settings.socket), CLIENT_FOUND_ROWS);
  };
  const auto go_on = [&](int events) {
    const grant::detail::LibraryGate::Inside inside(gate());
    const HandshakeDeadline deadline(call.deadline());
    const NoSigpipe quiet(settings.tls != TlsMode::disabled);
    return mysql_real_connect_cont(&connected, handle.get(), events);
  };
  forget_tls_errors();
  bool too_late = false;
  std::exception_ptr refused;
  int events = begin();
  while (events != 0) {
    io::Outcome outcome = co_await ready(call, handle.get(), events);
    const int socket = mysql_get_socket(handle.get());
    unblock(socket);
    limit_blocking_reads(socket);
    if (!looked_at && outcome == io::Outcome::ready) {
      looked_at = true;
      too_late = mysql_get_server_info(handle.get()) != nullptr;
      try {
        if (!too_late) outcome = co_await look_at_greeting(call, settings, socket);
      } catch (...) {
        refused = std::current_exception();
      }
      // Of the same length, and so in the same place.
      if (!too_late && !refused) password = settings.password;
      if (too_late || refused) outcome = io::Outcome::cancelled;
    }
    events = go_on(seen(outcome, handle.get(), events));
  }
  if (refused) std::rethrow_exception(refused);
  const auto failure = connected == nullptr ? failure_of(handle.get()) : Failure{};
  too_late = too_late || (!looked_at && (connected != nullptr || is_access_denied(failure.number)));
  if (too_late) co_return false;
  const auto now = Clock::system().now();
  if (interrupted_ != io::Outcome::ready) {
    throw_error(failures::gave_up_connecting(node_, interrupted_, now - started));
  }
  if (connected == nullptr) {
    if (now >= call.deadline()) {
      throw_error(failures::gave_up_connecting(node_, io::Outcome::timed_out,
                                               now - started));  // in the handshake
    }
    throw_error(connect_error(failure, node_));
  }
  const bool encrypted = mysql_get_ssl_cipher(handle.get()) != nullptr;
  // To libmariadb TLS is a wish, unless it verifies the certificate too.
  if (settings.tls > TlsMode::preferred && !encrypted) fail_without_tls();
  unblock(mysql_get_socket(handle.get()));
  handle_ = std::move(handle);
  hidden_.emplace(mysql_get_socket(handle_.get()));
  encrypted_ = encrypted;
  last_used_ = now;
  co_return true;
}

void MariadbConnection::fail_without_tls() const {
  throw_error(
      failures::at(node_, Errc::configuration,
                   "cannot connect: the server does not support TLS, and ssl-mode asks for it; "
                   "neither the user nor anything of the password was sent"));
}

// The socket may be waiting for its connection. What is read here stays there for libmariadb.
Task<io::Outcome> MariadbConnection::look_at_greeting(io::Call call, const Settings& settings,
                                                      int socket) {
  std::array<char, kLongestGreeting> bytes;
  while (true) {
    const io::Outcome outcome = co_await call.ready(socket, io::Interest::read);
    if (outcome != io::Outcome::ready) co_return outcome;
    const auto size = ::recv(socket, bytes.data(), bytes.size(), MSG_PEEK | MSG_DONTWAIT);
    // What is wrong with the connection libmariadb finds out, and says.
    if (size <= 0) co_return io::Outcome::ready;
    const auto greeting = parse_greeting({bytes.data(), static_cast<std::size_t>(size)});
    if (greeting.state == Greeting::State::incomplete) {
      // A socket with a part of it is ready at once.
      constexpr auto pause = std::chrono::milliseconds(2);
      const auto later = after(Clock::system().now(), pause);
      co_await call.sleep_until(later);
      if (Clock::system().now() >= call.deadline()) co_return io::Outcome::timed_out;
      continue;
    }
    if (greeting.state == Greeting::State::foreign) {
      throw_error(failures::at(node_, Errc::unavailable,
                               "cannot connect: what answers there is no MariaDB server"));
    }
    const bool greets = greeting.state == Greeting::State::whole;
    if (greets && settings.tls > TlsMode::preferred && !greeting.offers_tls) fail_without_tls();
    co_return io::Outcome::ready;
  }
}

}  // namespace grant::mariadb
