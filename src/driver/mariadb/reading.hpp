#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "driver/overtime.hpp"
#include "grant/io/waiter.hpp"
#include "types.hpp"

namespace grant::mariadb {

/// Ends what is under way on `socket`, for both sides. Closing it then tells the server at once,
/// also one that waits for room to send: it would go on waiting, for up to net_write_timeout.
void hang_up(int socket) noexcept;

/// What calls into libmariadb read on one connection, and when that is enough. libmariadb reads for
/// as long as something is there, and asks nobody; this is told after each of its reads, and shuts
/// the socket, which ends the call as the loss of the connection does. What has arrived by the
/// deadline is still read.
class Reading {
 public:
  /// Why it was shut.
  enum class End : std::uint8_t { none, deadline, size, refused };

  Reading() = default;
  Reading(const Reading&) = delete;
  Reading& operator=(const Reading&) = delete;
  virtual ~Reading() = default;

  /// An answer to `call` begins, of at most `most` bytes; 0: of any size.
  void begin(io::Call call, std::uint64_t most) noexcept;

  /// `call`: who waits for the rest of the answer. Its waiter must outlive the calls into
  /// libmariadb.
  void go_on(io::Call call) noexcept;

  [[nodiscard]] End end() const noexcept { return end_; }
  [[nodiscard]] std::uint64_t most() const noexcept { return most_; }

  /// Makes it the reading of this thread's calls, while it lives.
  class Here {
   public:
    explicit Here(Reading& reading) noexcept;
    Here(const Here&) = delete;
    Here& operator=(const Here&) = delete;
    ~Here();

   private:
    Reading* const before_;
  };

  /// Has libmariadb tell of its reads. Once, before there are threads.
  static void watch();

 protected:
  /// False: no more of it.
  virtual bool saw(std::string_view bytes) noexcept;

 private:
  static void on_transfer(int mode, MYSQL* connection, const unsigned char* buffer,
                          std::size_t size);
  [[nodiscard]] End judge(int socket, std::string_view bytes) noexcept;

  std::optional<io::Call> call_;
  std::uint64_t most_ = 0;
  std::uint64_t read_ = 0;
  driver::Overtime overtime_;
  End end_ = End::none;
};

}  // namespace grant::mariadb
