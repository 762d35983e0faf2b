#include "driver/failures.hpp"

#include <fmt/format.h>

#include <chrono>
#include <string>

namespace grant::failures {
namespace {

std::string milliseconds(Duration span) {
  return fmt::format("{} ms", std::chrono::duration_cast<std::chrono::milliseconds>(span).count());
}

}  // namespace

ErrorInfo at(std::string_view node, Errc code, std::string_view what) {
  ErrorInfo info;
  info.code = code;
  info.message = node.empty() ? std::string(what) : fmt::format("node \"{}\": {}", node, what);
  info.node = node;
  return info;
}

ErrorInfo unsent(std::string_view node, std::string_view why) {
  return at(node, Errc::unavailable, fmt::format("nothing was sent: {}", why));
}

ErrorInfo deadline_had_passed(std::string_view node) {
  return at(node, Errc::timeout, "nothing was sent: the deadline had passed");
}

ErrorInfo of_parent(std::string_view node) {
  return at(
      node, Errc::closed,
      "nothing was sent: the connection, with its transaction or stream, belongs to the process "
      "that this one was forked from; begin anew here");
}

ErrorInfo shut_out(std::string_view node, std::string_view library) {
  return at(node, Errc::closed,
            fmt::format("cannot connect from this process: it was forked while another thread was "
                        "inside {0}, whose locks it may have left locked; fork while {0} is not at "
                        "work, or run the program anew with exec",
                        library));
}

ErrorInfo lost(std::string_view node, Effect effect, std::string_view seen) {
  return at(node, effect == Effect::write ? Errc::outcome_unknown : Errc::unavailable,
            fmt::format("the connection was lost before the answer came: {}", seen));
}

ErrorInfo gave_up(std::string_view node, Effect effect, io::Outcome outcome, Duration waited) {
  const bool cancelled = outcome == io::Outcome::cancelled;
  const Errc code = effect == Effect::write ? Errc::outcome_unknown
                    : cancelled             ? Errc::cancelled
                                            : Errc::timeout;
  const std::string what = cancelled ? std::string("cancelled while waiting for an answer")
                                     : fmt::format("no answer within {}", milliseconds(waited));
  return at(node, code, what + "; the connection was closed");
}

ErrorInfo cancelled_late(std::string_view node, Duration waited) {
  return at(node, Errc::timeout,
            fmt::format("no answer in time; the server cancelled the statement, which changed "
                        "nothing, after {}; the connection can be used",
                        milliseconds(waited)));
}

ErrorInfo cancelled_in_part(std::string_view node, Duration waited) {
  return at(node, Errc::outcome_unknown,
            fmt::format("no answer in time; the server cancelled the statement after {}, a part of "
                        "whose work may have become durable before; the connection can be used",
                        milliseconds(waited)));
}

ErrorInfo partly_done(ErrorInfo info) {
  switch (info.code) {
    case Errc::unavailable:
    case Errc::conflict:
    case Errc::read_only:
    case Errc::timeout:
    case Errc::cancelled:
      info.code = Errc::outcome_unknown;
      info.message += "; a part of its work may have become durable before";
      break;
    default: break;
  }
  return info;
}

ErrorInfo failed_before(const ErrorInfo& first, std::string_view what) {
  auto info = first;
  info.message = fmt::format(
      "{}, because an earlier statement has failed the transaction, and its error was passed over: "
      "{}",
      what, first.message);
  return info;
}

ErrorInfo guarded(ErrorInfo info) {
  info.code = Errc::read_only;
  info.message +=
      "; the statement is marked as a read, so the server was told to refuse writes: leave .read() "
      "out where it writes";
  return info;
}

ErrorInfo transaction_is_open(std::string_view node) {
  return at(node, Errc::invalid_argument, "a transaction is open already");
}

ErrorInfo no_transaction(std::string_view node) {
  return at(node, Errc::invalid_argument, "no transaction is open");
}

ErrorInfo reset_in_transaction(std::string_view node) {
  return at(node, Errc::invalid_argument,
            "cannot reset the session: a transaction is open; roll it back first");
}

ErrorInfo rolled_back(std::string_view node, const std::optional<ErrorInfo>& first) {
  if (first) return failed_before(*first, "the transaction was rolled back");
  return at(node, Errc::conflict,
            "the transaction was rolled back, because a statement in it had failed");
}

ErrorInfo about_transaction(std::string_view node) {
  return guarded(
      at(node, Errc::read_only, "the statement is about the transaction, and was not executed"));
}

ErrorInfo gave_up_cancelling(std::string_view node, io::Outcome outcome, Duration waited) {
  if (outcome == io::Outcome::cancelled) {
    return at(node, Errc::cancelled, "cancelled while it asked the server to cancel a statement");
  }
  return at(node, Errc::timeout,
            fmt::format("the request to cancel a statement was not delivered within {}",
                        milliseconds(waited)));
}

ErrorInfo gave_up_connecting(std::string_view node, io::Outcome outcome, Duration waited) {
  if (outcome == io::Outcome::cancelled) {
    return at(node, Errc::cancelled, "cancelled while connecting");
  }
  return at(node, Errc::unavailable,
            fmt::format("no answer to the connection attempt within {}", milliseconds(waited)));
}

ErrorInfo too_large(std::string_view node, Effect effect, std::uint64_t most) {
  const bool wrote = effect == Effect::write;
  return at(node, wrote ? Errc::outcome_unknown : Errc::invalid_argument,
            fmt::format("the answer is larger than {} MiB (max_result_size){}", most >> 20U,
                        wrote ? "; the statement may have been executed"
                              : ": ask for less, or read the rows as a stream"));
}

ErrorInfo no_memory(std::string_view node, Effect effect, std::string_view why) {
  const bool wrote = effect == Effect::write;
  return at(node, wrote ? Errc::outcome_unknown : Errc::invalid_argument,
            fmt::format("there is no memory for the answer{}{}{}", why.empty() ? "" : ": ", why,
                        wrote ? "; the statement may have been executed"
                              : "; ask for less, or read the rows as a stream"));
}

ErrorInfo stuck(std::string_view node, Duration ago) {
  return at(node, Errc::unavailable,
            fmt::format("not tried: an earlier attempt to connect there, given up {} ago, still "
                        "keeps a thread inside of the client library, and it gets no more",
                        milliseconds(ago)));
}

}  // namespace grant::failures
