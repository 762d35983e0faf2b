#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <algorithm>
#include <new>

#include "connection.hpp"
#include "driver/by_name.hpp"
#include "driver/failures.hpp"
#include "errors.hpp"
#include "grant/core/error.hpp"
#include "session.hpp"

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
  set_option(handle.get(), MYSQL_INIT_COMMAND, kSessionSettings);
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
  return handle;
}

}  // namespace

Task<void> MariadbConnection::open(io::Call call) {
  const Settings& settings = target_->settings;
  const auto limited = settings.connect_timeout
                           ? call.until(after(Clock::system().now(), *settings.connect_timeout))
                           : call;
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
  const auto started = Clock::system().now();
  if (call.deadline() <= started) {
    throw_error(failures::gave_up_connecting(node_, io::Outcome::timed_out, Duration{}));
  }
  if (gate().is_shut()) throw_error(failures::shut_out(node_, "libmariadb"));
  interrupted_ = io::Outcome::ready;
  ConnectionHandle handle = make_handle(settings);

  MYSQL* connected = nullptr;
  const auto begin = [&] {
    const grant::detail::LibraryGate::Inside inside(gate());
    const HandshakeDeadline deadline(call.deadline());
    return mysql_real_connect_start(&connected, handle.get(), host.c_str(), or_null(settings.user),
                                    or_null(settings.password), or_null(settings.database),
                                    settings.port, or_null(settings.socket), CLIENT_FOUND_ROWS);
  };
  const auto go_on = [&](int events) {
    const grant::detail::LibraryGate::Inside inside(gate());
    const HandshakeDeadline deadline(call.deadline());
    return mysql_real_connect_cont(&connected, handle.get(), events);
  };
  forget_tls_errors();
  int events = begin();
  while (events != 0) {
    const io::Outcome outcome = co_await ready(call, handle.get(), events);
    unblock(mysql_get_socket(handle.get()));
    limit_blocking_reads(mysql_get_socket(handle.get()));
    events = go_on(seen(outcome, handle.get(), events));
  }
  const auto now = Clock::system().now();
  if (interrupted_ != io::Outcome::ready) {
    throw_error(failures::gave_up_connecting(node_, interrupted_, now - started));
  }
  if (connected == nullptr) {
    if (now >= call.deadline()) {
      throw_error(failures::gave_up_connecting(node_, io::Outcome::timed_out,
                                               now - started));  // in the handshake
    }
    throw_error(connect_error(failure_of(handle.get()), node_));
  }
  // To libmariadb TLS is a wish, unless it verifies the certificate too.
  if (settings.tls > TlsMode::preferred && mysql_get_ssl_cipher(handle.get()) == nullptr) {
    throw_error(
        failures::at(node_, Errc::configuration,
                     "cannot connect: the server does not support TLS, and ssl-mode asks for it"));
  }
  unblock(mysql_get_socket(handle.get()));
  handle_ = std::move(handle);
  hidden_.emplace(mysql_get_socket(handle_.get()));
  encrypted_ = mysql_get_ssl_cipher(handle_.get()) != nullptr;
  last_used_ = now;
}

}  // namespace grant::mariadb
