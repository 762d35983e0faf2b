#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "grant/core/clock.hpp"
#include "grant/core/error.hpp"
#include "grant/driver/statement.hpp"
#include "grant/io/waiter.hpp"

namespace grant::failures {

/// `what`, said of `node`; nothing but `what` when the node has no name.
[[nodiscard]] ErrorInfo at(std::string_view node, Errc code, std::string_view what);

/// The connection is gone, or useless, and the statement stayed here: unavailable.
[[nodiscard]] ErrorInfo unsent(std::string_view node, std::string_view why);

/// Nobody would have waited for the answer: timeout.
[[nodiscard]] ErrorInfo deadline_had_passed(std::string_view node);

/// The connection is of the process that this one was forked from: closed, which nobody tries
/// again.
[[nodiscard]] ErrorInfo of_parent(std::string_view node);

/// `library` was in use by another thread when this process was forked: closed.
[[nodiscard]] ErrorInfo shut_out(std::string_view node, std::string_view library);

/// The connection broke after the statement was sent. outcome_unknown for a write.
[[nodiscard]] ErrorInfo lost(std::string_view node, Effect effect, std::string_view seen);

/// Nobody waits any longer for the answer, since `outcome`, which is not `ready`; the connection
/// was closed. outcome_unknown for a write.
[[nodiscard]] ErrorInfo gave_up(std::string_view node, Effect effect, io::Outcome outcome,
                                Duration waited);

/// The deadline passed, and the server was asked to end the statement and did: timeout.
[[nodiscard]] ErrorInfo cancelled_late(std::string_view node, Duration waited);

/// The same for a statement that may have made a part of its work durable: outcome_unknown.
[[nodiscard]] ErrorInfo cancelled_in_part(std::string_view node, Duration waited);

/// `info`, the error of a statement that may have made a part of its work durable before it failed:
/// outcome_unknown, where the code would say that nothing was done.
[[nodiscard]] ErrorInfo partly_done(ErrorInfo info);

/// Why `first`, which failed the transaction, comes again: `what`, such as "nothing was executed".
[[nodiscard]] ErrorInfo failed_before(const ErrorInfo& first, std::string_view what);

/// `info`, the refusal of a guarded statement, with the way out.
[[nodiscard]] ErrorInfo guarded(ErrorInfo info);

/// A transaction cannot begin, because there is one: invalid_argument.
[[nodiscard]] ErrorInfo transaction_is_open(std::string_view node);

/// There is none to commit: invalid_argument.
[[nodiscard]] ErrorInfo no_transaction(std::string_view node);

/// A session cannot be reset in the middle of one: invalid_argument.
[[nodiscard]] ErrorInfo reset_in_transaction(std::string_view node);

/// What was to be committed was rolled back, by `first` if that is known: its error, or conflict.
[[nodiscard]] ErrorInfo rolled_back(std::string_view node, const std::optional<ErrorInfo>& first);

/// A guarded statement that would begin or end a transaction, or mark a place in one.
[[nodiscard]] ErrorInfo about_transaction(std::string_view node);

/// The request to cancel a statement was not delivered: timeout, or cancelled itself.
[[nodiscard]] ErrorInfo gave_up_cancelling(std::string_view node, io::Outcome outcome,
                                           Duration waited);

/// As gave_up() while connecting, when nothing can be in doubt.
[[nodiscard]] ErrorInfo gave_up_connecting(std::string_view node, io::Outcome outcome,
                                           Duration waited);

/// The answer is larger than `most` bytes: invalid_argument; outcome_unknown for a write.
[[nodiscard]] ErrorInfo too_large(std::string_view node, Effect effect, std::uint64_t most);

/// There is no memory for the answer: as too_large(). `why`: in the client library's words.
[[nodiscard]] ErrorInfo no_memory(std::string_view node, Effect effect, std::string_view why = {});

/// The client library has not come back from an earlier attempt, which should have ended `ago`:
/// unavailable.
[[nodiscard]] ErrorInfo stuck(std::string_view node, Duration ago);

}  // namespace grant::failures
