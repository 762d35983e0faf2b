#pragma once

#include <endian.h>
#include <libpq-fe.h>

#include <bit>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>

#include "grant/core/clock.hpp"

/// libpq with as much C++ around it as using it by hand needs.
namespace grant::bench::libpq {

struct CloseConnection {
  void operator()(PGconn* connection) const noexcept { ::PQfinish(connection); }
};
using Connection = std::unique_ptr<PGconn, CloseConnection>;

struct ClearResult {
  void operator()(PGresult* result) const noexcept { ::PQclear(result); }
};
using Result = std::unique_ptr<PGresult, ClearResult>;

/// Throws what libpq says about `connection`.
[[noreturn]] void fail(const PGconn* connection);

/// Throws unless `done`.
inline void expect(bool done, const PGconn* connection) {
  if (!done) [[unlikely]] {
    fail(connection);
  }
}

/// Throws unless `result` has `status`.
inline void expect(const Result& result, ExecStatusType status, const PGconn* connection) {
  expect(::PQresultStatus(result.get()) == status, connection);
}

[[nodiscard]] Connection connect(const std::string& url);

/// Runs statements that give no rows.
void run(PGconn* connection, const std::string& sql);

/// The bytes of a cell, in whatever format they came.
[[nodiscard]] inline std::string_view bytes_of(const PGresult* result, int row, int column) {
  return {::PQgetvalue(result, row, column),
          static_cast<std::size_t>(::PQgetlength(result, row, column))};
}

/// What is added to 1970 for 2000, where binary times start.
inline constexpr std::chrono::sys_days kEpoch{std::chrono::year(2000) / 1 / 1};

// Binary forms are in network byte order. They are read and written inline, as one would by hand.

[[nodiscard]] inline std::int16_t int16_from(const char* bytes) noexcept {
  std::uint16_t value{};
  std::memcpy(&value, bytes, sizeof value);
  return static_cast<std::int16_t>(be16toh(value));
}

[[nodiscard]] inline std::int32_t int32_from(const char* bytes) noexcept {
  std::uint32_t value{};
  std::memcpy(&value, bytes, sizeof value);
  return static_cast<std::int32_t>(be32toh(value));
}

[[nodiscard]] inline std::int64_t int64_from(const char* bytes) noexcept {
  std::uint64_t value{};
  std::memcpy(&value, bytes, sizeof value);
  return static_cast<std::int64_t>(be64toh(value));
}

[[nodiscard]] inline double double_from(const char* bytes) noexcept {
  return std::bit_cast<double>(int64_from(bytes));
}

[[nodiscard]] inline Timestamp timestamp_from(const char* bytes) noexcept {
  return kEpoch + std::chrono::microseconds(int64_from(bytes));
}

inline char* put_int16(char* to, std::int16_t value) noexcept {
  const std::uint16_t bytes = htobe16(static_cast<std::uint16_t>(value));
  std::memcpy(to, &bytes, sizeof bytes);
  return to + sizeof bytes;
}

inline char* put_int32(char* to, std::int32_t value) noexcept {
  const std::uint32_t bytes = htobe32(static_cast<std::uint32_t>(value));
  std::memcpy(to, &bytes, sizeof bytes);
  return to + sizeof bytes;
}

inline char* put_int64(char* to, std::int64_t value) noexcept {
  const std::uint64_t bytes = htobe64(static_cast<std::uint64_t>(value));
  std::memcpy(to, &bytes, sizeof bytes);
  return to + sizeof bytes;
}

inline char* put_double(char* to, double value) noexcept {
  return put_int64(to, std::bit_cast<std::int64_t>(value));
}

inline char* put_timestamp(char* to, Timestamp value) noexcept {
  return put_int64(to, (value - kEpoch).count());
}

}  // namespace grant::bench::libpq
