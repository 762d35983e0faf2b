#pragma once

#include <charconv>
#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "grant/driver/url.hpp"

namespace grant {

/// Who may be given the password itself, instead of a proof that one has it.
enum class ClearPassword : std::uint8_t {
  verified,   ///< A server whose certificate was verified.
  encrypted,  ///< Any that speaks TLS.
  always,
};

/// Takes the parameters of a URL one by one, and refuses what is no good, by name. Errors of all of
/// it: configuration. The names are literals.
class UrlParams {
 public:
  /// `engine` stands before what is refused: "postgres". `url` must outlive this.
  UrlParams(std::string_view engine, Url& url) noexcept : engine_(engine), url_(url) {}

  /// The text of `name`; empty when it is not there.
  std::optional<std::string> text(std::string_view name) {
    known_.push_back(name);
    return url_.take_param(name);
  }

  /// The number from 0 to `most` that `name` is; empty when it is not there.
  template <std::integral T>
  std::optional<T> number(std::string_view name, T most) {
    const auto text = this->text(name);
    if (!text) return std::nullopt;
    T number{};
    const char* const end = text->data() + text->size();
    const auto [read, error] = std::from_chars(text->data(), end, number);
    if (error != std::errc() || read != end || number < T{} || number > most) {
      refuse_number(name, *text, std::to_string(most));
    }
    return number;
  }

  /// What `name` says in one of these words; empty when it is not there.
  template <class T>
  std::optional<T> word(std::string_view name,
                        std::span<const std::pair<std::string_view, T>> words) {
    const auto text = this->text(name);
    if (!text) return std::nullopt;
    std::string known;
    for (const auto& [word, meaning] : words) {
      if (*text == word) return meaning;
      if (!known.empty()) known += word == words.back().first ? " or " : ", ";
      known += word;
    }
    refuse_word(name, *text, known);
  }

  /// How many statements a connection keeps prepared: `statement_cache_size`, 256 unless given.
  std::size_t statement_cache_size();

  /// `connect_timeout` in seconds; empty when it is not there, or 0.
  std::optional<std::chrono::seconds> connect_timeout();

  /// `cancel_timeout` in milliseconds: how long a server gets, after the deadline of a statement,
  /// to cancel it. 100 unless given; 0: no time, the connection is closed at once.
  std::chrono::milliseconds cancel_timeout();

  /// `statement_lifetime` in milliseconds: for how long what the server said of a statement is
  /// believed. Five minutes unless given; 0: as long as the connection lives.
  std::chrono::milliseconds statement_lifetime();

  /// `max_result_size` in MiB, here in bytes: the largest answer that is read into memory. 1024 MiB
  /// unless given; 0: any.
  std::uint64_t max_result_size();

  /// `clear_password`: verified unless given.
  ClearPassword clear_password();

  /// To be called after all others have been taken. The error names the one that may be meant.
  void refuse_unknown() const;

  /// Refuses `name`, which is none of those that were asked for, and none of `more`.
  [[noreturn]] void refuse_unknown(std::string_view name,
                                   std::span<const std::string_view> more) const;

  [[noreturn]] void refuse(std::string_view why) const;

 private:
  [[noreturn]] void refuse_number(std::string_view name, std::string_view text,
                                  std::string_view most) const;
  [[noreturn]] void refuse_word(std::string_view name, std::string_view text,
                                std::string_view known) const;

  std::string_view engine_;
  Url& url_;
  std::vector<std::string_view> known_;  // asked for so far
};

}  // namespace grant
