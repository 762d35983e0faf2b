#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <algorithm>
#include <array>
#include <new>

#include "connection.hpp"
#include "driver/by_name.hpp"
#include "driver/failures.hpp"
#include "errors.hpp"
#include "grant/core/error.hpp"
#include "greeting.hpp"
#include "reading.hpp"

namespace grant::mariadb {
namespace {

// Name look-ups run on it, through whatever modules the system has for them. Only what is used of
// it takes memory.
constexpr std::size_t kStackSize = std::size_t{256} * 1024;

/// More than any login takes: certificates, and what plugins say.
constexpr std::uint64_t kMostAtLogin = std::uint64_t{1} << 20U;

/// For whom wait_in_handshake() waits on this thread; null: for nobody, and not at all.
constinit thread_local const io::Call* handshaking = nullptr;

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
    const auto deadline = handshaking != nullptr ? handshaking->deadline() : TimePoint{};
    int milliseconds = handshaking != nullptr ? -1 : 0;
    if (handshaking != nullptr && deadline != kNever) {
      const auto left = deadline - handshaking->now();
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
    if (seen == 0 && (handshaking == nullptr || handshaking->now() >= deadline)) {
      errno = ETIMEDOUT;
      return 0;
    }
  }
}

/// Sets `handshaking` for one call into libmariadb, which never changes threads.
class Handshake {
 public:
  explicit Handshake(const io::Call& call) noexcept { handshaking = &call; }
  ~Handshake() { handshaking = nullptr; }
  Handshake(const Handshake&) = delete;
  Handshake& operator=(const Handshake&) = delete;
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

[[noreturn]] void fail_without_tls(const std::string& node) {
  throw_error(
      failures::at(node, Errc::configuration,
                   "cannot connect: the server does not support TLS, and ssl-mode asks for it; "
                   "neither the user nor anything of the password was sent"));
}

/// Looks at the greeting as libmariadb reads it. libmariadb answers at once, and takes the password
/// only then, from where it is put when the greeting is one that may be answered with it.
class Login final : public Reading {
 public:
  explicit Login(const Settings& settings)
      : settings_(settings), password_(settings.password.size(), '\0') {}

  [[nodiscard]] const char* password() const noexcept { return password_.c_str(); }

  void throw_if_refused(const std::string& node) const {
    if (end() == End::size) {
      throw_error(failures::at(node, Errc::unavailable,
                               "cannot connect: the server sends more than what a login takes"));
    }
    if (end() != End::refused) return;
    if (greeting_.state == Greeting::State::whole) fail_without_tls(node);
    throw_error(failures::at(node, Errc::unavailable,
                             "cannot connect: what answers there is no MariaDB server"));
  }

 private:
  bool saw(std::string_view bytes) noexcept override {
    if (greeting_.state != Greeting::State::incomplete) return true;
    bytes = bytes.substr(0, bytes_.size() - size_);
    std::ranges::copy(bytes, bytes_.begin() + static_cast<std::ptrdiff_t>(size_));
    size_ += bytes.size();
    greeting_ = parse_greeting({bytes_.data(), size_});
    switch (greeting_.state) {
      case Greeting::State::incomplete:
      case Greeting::State::refusal: return true;
      case Greeting::State::foreign: return false;
      case Greeting::State::whole: break;
    }
    if (settings_.tls > TlsMode::preferred && !greeting_.offers_tls) return false;
    // Of the same length, and so in the same place.
    std::ranges::copy(settings_.password, password_.begin());
    return true;
  }

  const Settings& settings_;
  std::string password_;
  std::array<char, kLongestGreeting> bytes_{};
  std::size_t size_ = 0;
  Greeting greeting_;
};

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

Task<void> MariadbConnection::open(io::Call call, driver::Turns& turns) {
  const Settings& settings = target_->settings;
  if (!settings.socket.empty() || io::is_address(settings.host)) {
    co_await log_in(call, settings.host, turns);
  } else if (settings.tls == TlsMode::verify_full) {
    // libmariadb compares the certificate with the host that it connects to, so it has to look up
    // the name itself, which blocks: by then the answer should be at hand.
    co_await driver::look_up(call, target_->resolver, node_, settings.host);
    co_await log_in(call, settings.host, turns);
  } else {
    const driver::Attempt attempt = [&](io::Call share, const std::string& address) {
      return log_in(share, address, turns);
    };
    co_await driver::connect_by_name(call, target_->resolver, node_, settings.host, attempt);
  }
}

Task<void> MariadbConnection::log_in(io::Call call, std::string host, driver::Turns& turns) {
  const Settings& settings = target_->settings;
  const driver::Stopwatch watch(call);
  const auto gave_up = [&](io::Outcome outcome) {
    throw_error(failures::gave_up_connecting(node_, outcome, watch.elapsed()));
  };
  if (call.deadline() <= watch.started()) gave_up(io::Outcome::timed_out);
  if (gate().is_shut()) throw_error(failures::shut_out(node_, "libmariadb"));
  interrupted_ = io::Outcome::ready;
  ConnectionHandle handle = make_handle(settings);
  Login login(settings);
  login.begin(call, kMostAtLogin);

  MYSQL* connected = nullptr;
  const auto run = [&](const auto& step) {
    const grant::detail::LibraryGate::Inside inside(gate());
    const Handshake handshake(call);
    const NoSigpipe quiet(settings.tls != TlsMode::disabled);
    const Reading::Here here(login);
    return step();
  };
  forget_tls_errors();
  int events = 0;
  {
    const auto turn = turns.take(call.deadline());
    if (!turn) gave_up(io::Outcome::timed_out);
    events = run([&] {
      return mysql_real_connect_start(
          &connected, handle.get(), host.c_str(), or_null(settings.user), login.password(),
          or_null(settings.database), settings.port, or_null(settings.socket), CLIENT_FOUND_ROWS);
    });
  }
  while (events != 0) {
    const io::Outcome outcome = co_await ready(call, handle.get(), events);
    const int socket = mysql_get_socket(handle.get());
    unblock(socket);
    limit_blocking_reads(socket);
    const int news = seen(outcome, handle.get(), events);
    events = run([&] { return mysql_real_connect_cont(&connected, handle.get(), news); });
  }
  login.throw_if_refused(node_);
  if (interrupted_ != io::Outcome::ready) gave_up(interrupted_);
  if (login.end() == Reading::End::deadline) gave_up(io::Outcome::timed_out);
  if (connected == nullptr) {
    const bool late = call.now() >= call.deadline();
    if (late) gave_up(io::Outcome::timed_out);  // in the handshake
    throw_error(connect_error(failure_of(handle.get()), node_));
  }
  const bool encrypted = mysql_get_ssl_cipher(handle.get()) != nullptr;
  // To libmariadb TLS is a wish, unless it verifies the certificate too.
  if (settings.tls > TlsMode::preferred && !encrypted) fail_without_tls(node_);
  unblock(mysql_get_socket(handle.get()));
  handle_ = std::move(handle);
  hidden_.emplace(mysql_get_socket(handle_.get()));
  encrypted_ = encrypted;
  last_used_ = call.now();
}

}  // namespace grant::mariadb
