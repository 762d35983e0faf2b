#include "reading.hpp"

#include <sys/socket.h>

#include "driver/sockets.hpp"

// Exported for plugins that trace what libmariadb does, and declared in none of the headers that
// come with it. Source: libmariadb, ma_pvio.h and plugins/trace.
extern "C" int ma_pvio_register_callback(my_bool add, void (*callback)(int mode, MYSQL* connection,
                                                                       const unsigned char* buffer,
                                                                       std::size_t size));

namespace grant::mariadb {
namespace {

constinit thread_local Reading* reading_here = nullptr;

constexpr int kRead = 0;

}  // namespace

void hang_up(int socket) noexcept {
  linger at_once{};
  at_once.l_onoff = 1;
  ::setsockopt(socket, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  ::shutdown(socket, SHUT_RDWR);
}

void Reading::begin(io::Call call, std::uint64_t most) noexcept {
  call_ = call;
  most_ = most;
  read_ = 0;
  overtime_ = {};
  end_ = End::none;
}

void Reading::go_on(io::Call call) noexcept {
  if (!call_ || call.deadline() != call_->deadline()) overtime_ = {};
  call_ = call;
}

Reading::Here::Here(Reading& reading) noexcept : before_(reading_here) { reading_here = &reading; }

Reading::Here::~Here() { reading_here = before_; }

void Reading::watch() { ma_pvio_register_callback(1, &Reading::on_transfer); }

bool Reading::saw(std::string_view /*bytes*/) noexcept { return true; }

void Reading::on_transfer(int mode, MYSQL* connection, const unsigned char* buffer,
                          std::size_t size) {
  Reading* const reading = reading_here;
  const auto read = static_cast<std::ptrdiff_t>(size);  // negative where it failed
  if (mode != kRead || reading == nullptr || read <= 0 || reading->end_ != End::none) return;
  const int socket = mysql_get_socket(connection);
  reading->end_ = reading->judge(socket, {reinterpret_cast<const char*>(buffer), size});
  if (reading->end_ != End::none) hang_up(socket);
}

Reading::End Reading::judge(int socket, std::string_view bytes) noexcept {
  if (!saw(bytes)) return End::refused;
  read_ += bytes.size();
  if (most_ != 0 && read_ > most_) return End::size;
  const auto read = static_cast<std::int64_t>(bytes.size());
  const bool over = call_ && overtime_.is_over(call_->now(), call_->deadline(), read,
                                               [&] { return driver::arrived_at(socket); });
  return over ? End::deadline : End::none;
}

}  // namespace grant::mariadb
