#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "driver/overtime.hpp"
#include "driver/stopwatch.hpp"
#include "encode.hpp"
#include "grant/core/error.hpp"
#include "grant/driver/statement.hpp"
#include "grant/io/task.hpp"
#include "grant/io/waiter.hpp"
#include "handles.hpp"
#include "received.hpp"
#include "settings.hpp"

namespace grant::postgres {

/// More bytes than any answer to a command of the driver's own has.
inline constexpr std::uint64_t kMostForItself = (std::uint64_t{16} << 20U) + 1;

/// What has been sent, for the error that losing the connection becomes.
struct Operation {
  Effect effect;
  driver::Stopwatch watch;
  /// Whether the server is asked to end it when nobody waits for its answer any longer.
  bool cancellable = false;
  /// Its answer is not wanted: the server is asked again and again to end it, until then. One
  /// request is not enough, because one that comes before the statement is lost.
  std::optional<TimePoint> unwanted_until{};
  bool copies = false;          ///< It is a COPY of rows to the server.
  bool in_transaction = false;  ///< Open when it was sent: nothing is durable before the commit.
  bool may_commit = false;      ///< It may have made a part of its work durable, and failed then.
  bool has_values = false;      ///< They were sent, and are not known any more.
  bool guarded = false;         ///< The server was told to refuse it where it writes.
  std::uint64_t most = kMostForItself;  ///< The bytes that its answer may have; 0: any number.
};

/// What a connection makes of what happens on its channel.
class Meaning {
 public:
  Meaning() = default;
  Meaning(const Meaning&) = delete;
  Meaning& operator=(const Meaning&) = delete;
  virtual ~Meaning() = default;

  /// The error of `operation`, whose answer is `failed`. `params`: its values, which are kept out
  /// of the message. Throws instead, with the channel closed, where `failed` is libpq's and not the
  /// server's.
  [[nodiscard]] virtual ErrorInfo failure_info(const PGresult* failed, const Operation& operation,
                                               std::span<const ValueView> params) = 0;

  /// The server waits for the next command, and no transaction is open.
  virtual void on_idle(io::Call call) noexcept = 0;

  /// The channel has been closed. `in_doubt`: while the transaction that was open was changed or
  /// committed, and the server's word on that is missing.
  virtual void on_closed(bool in_doubt) noexcept = 0;
};

/// One session's wire: sends commands over libpq, and waits for what the server answers, for as
/// long and for as many bytes as the operation says. Losing it closes it, and becomes the error
/// that the operation makes of that. What was sent, and what the answers say, it does not know.
class Channel {
 public:
  /// Takes an answer as soon as it is there; what it leaves is kept for answers().
  using TakeAnswer = std::function<void(ResultHandle& answer)>;

  /// Keeps everybody else away while rows are streamed, which are then received by hand. Where it
  /// ends before release(), nobody has read what is still to come: the channel is closed.
  class Claim {
   public:
    explicit Claim(Channel& channel) noexcept : channel_(&channel) { channel.claimed_ = true; }
    Claim(const Claim&) = delete;
    Claim& operator=(const Claim&) = delete;
    ~Claim();

    /// Whether there may be something to receive. False, too, once the channel is closed.
    [[nodiscard]] bool holds() const noexcept { return channel_ != nullptr && channel_->is_open(); }
    /// All has been received.
    void release() noexcept;

   private:
    Channel* channel_;  // null once released
  };

  /// `meaning` must outlive the channel.
  Channel(const Settings& settings, Meaning& meaning);
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;
  ~Channel();

  /// Before `handle`, with which open() is to be called, is polled for the first time.
  void hear(PGconn* handle) noexcept;
  /// `handle`: connected, and logged in at `now`.
  void open(ConnectionHandle handle, TimePoint now);
  void close() noexcept { close(false); }

  [[nodiscard]] bool is_open() const noexcept;
  /// For what libpq knows of the session, and for what send() takes. Null once closed.
  [[nodiscard]] PGconn* handle() const noexcept { return handle_.get(); }
  /// As far as the last answer says. True, too, while something is under way, and as long as a
  /// pipeline is.
  [[nodiscard]] bool in_transaction() const noexcept {
    return PQtransactionStatus(handle_.get()) != PQTRANS_IDLE;
  }
  /// When an operation was last started.
  [[nodiscard]] TimePoint last_used() const noexcept { return last_used_; }

  /// Before anything is sent. Errors: closed in a forked child; unavailable where the session has
  /// ended; timeout where nobody would wait; invalid_argument while it is claimed.
  Operation start(io::Call call, Effect effect);
  /// Before more is received of what holds the claim. Errors: closed; timeout.
  void start_chunk(io::Call call) const;
  /// A forked child leaves its parent's session alone. Errors: closed.
  void refuse_in_child() const;

  // What they send stays with libpq until receive() or flush(). Errors: unavailable, as nothing was
  // executed, or as losing the connection.

  /// `queued`: what libpq says to something that it was given to send: 0 that it cannot.
  void send(int queued, const Operation& operation) {
    if (queued == 0) fail_to_send(operation);
  }
  /// In the simple protocol: text results.
  void send_query(const char* commands, const Operation& operation);
  /// Without parameters.
  void send_command(const char* command, const Operation& operation,
                    Format format = Format::binary);
  void enter_pipeline(const Operation& operation);
  void send_sync(const Operation& operation);
  /// Once its answers are here.
  void leave_pipeline(const Operation& operation);

  /// Sends what the socket takes. False: there is more.
  bool flush(const Operation& operation);
  /// Waits until libpq has sent all that it holds.
  Task<void> flush_all(io::Call call, Operation operation);

  /// Sends the rest of what is queued and reads until the server waits for the next command;
  /// leaves the answers in answers(), but for those that `take` takes. Both must live until the
  /// task ends. Throws for a lost connection, not for the server's errors.
  Task<void> receive(io::Call call, const Operation& operation, const TakeAnswer& take = {});
  /// For who takes answers from libpq by hand: waits until it may have more, and reads. `call`:
  /// gets another deadline when the server is asked to end the operation. `overtime`: of this wait
  /// and those before it. All three must live until the task ends.
  Task<void> receive_more(io::Call& call, driver::Overtime& overtime, const Operation& operation);

  /// Of the last receive().
  [[nodiscard]] std::vector<ResultHandle>& answers() noexcept { return answers_; }
  /// Instead of those that were received.
  void set_answer(ResultHandle answer);
  /// The first answer that is an error; null: there is none.
  [[nodiscard]] const PGresult* failure() const noexcept;
  /// Of answers(). Without any the connection is closed. Errors: as losing it.
  const PGresult* final_answer(const Operation& operation);
  /// Closes the connection, and throws, where `status` is that of a COPY.
  void refuse_copy(ExecStatusType status);

  /// Whether the server was asked to end what is under way because its deadline had passed.
  [[nodiscard]] bool cancelled_late() const noexcept { return cancelled_late_; }
  /// For who sends more for the same operation.
  void set_cancelled_late(bool late) noexcept { cancelled_late_ = late; }
  /// `call`, until the server should have ended what it was asked to end now.
  [[nodiscard]] io::Call until_cancelled(io::Call call) const;

  // These close the connection.

  /// `why`: empty: as libpq or the server says.
  [[noreturn]] void fail_lost(const Operation& operation, std::string_view why = {});
  /// `why`: in libpq's words.
  [[noreturn]] void fail_without_memory(Effect effect, std::string_view why = {});

 private:
  /// Answers that are on their way.
  struct Reception {
    io::Call call;
    const Operation* operation;
    const TakeAnswer* take;  // null: there is none
    bool unsent = true;      // as far as is known
    bool has_read = false;
    driver::Overtime overtime{};
    Received received{};
  };

  static void on_notice(void* self, const PGresult* notice) noexcept;

  void check_idle();
  void refuse_late(io::Call call, TimePoint now) const;

  /// `outcome`: how the wait that is due has ended; empty: it is still to come.
  Task<void> receive_rest(Reception reception, std::optional<io::Outcome> outcome);
  /// What to wait for next; empty: everything is here.
  std::optional<io::Interest> advance(Reception& reception);
  void read(Reception& reception);
  /// Timed out, too, where more has arrived, but not by the deadline.
  [[nodiscard]] io::Outcome judged(Reception& reception, io::Outcome outcome) const;
  /// Whether the deadline has passed, and what had arrived by then was read. Before each read.
  [[nodiscard]] bool is_over(driver::Overtime& overtime, io::Call call) const;

  /// Whether there is still somebody who waits for the answer: the server gets a little time to
  /// cancel the statement. Changes the deadline of `call`.
  Task<bool> cancel_late(io::Call& call, io::Outcome outcome, Operation operation);
  Task<bool> cancel_again(io::Call& call, TimePoint end);

  void close(bool in_doubt) noexcept;
  [[noreturn]] void fail_unsent(std::string_view why, std::string_view sqlstate = {});
  [[noreturn]] void fail_to_send(const Operation& operation);
  [[noreturn]] void fail_too_large(const Operation& operation);
  [[noreturn]] void give_up(io::Outcome outcome, const Operation& operation);
  /// Closes the connection under `operation`.
  [[noreturn]] void leave(ErrorInfo info, const Operation& operation);

  const std::string node_;
  Meaning& meaning_;
  const std::chrono::milliseconds cancel_timeout_;
  const std::uint64_t forks_ = grant::detail::forks();
  const int process_;        // that opened it
  ConnectionHandle handle_;  // null once closed
  std::optional<grant::detail::HiddenFromChildren> hidden_;
  std::vector<ResultHandle> answers_;
  TimePoint last_used_{};
  std::string farewell_;  // the SQLSTATE with which the server announced that it ends the session
  bool cancelled_late_ = false;
  bool claimed_ = false;
};

}  // namespace grant::postgres
