#include <fmt/format.h>

#include <charconv>
#include <exception>

#include "connection.hpp"
#include "driver/failures.hpp"
#include "driver/identifier.hpp"
#include "driver/load_target.hpp"
#include "encode.hpp"

namespace grant::postgres {
namespace {

// "COPY", file formats: Binary Format, in PostgreSQL's manual.
constexpr std::string_view kHeader{"PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0", 19};
constexpr std::uint16_t kTrailer = 0xFFFF;
constexpr std::uint32_t kNull = 0xFFFFFFFF;
constexpr std::size_t kBufferSize = std::size_t{64} * 1024;
constexpr std::size_t kLargestPiece = std::size_t{64} << 20U;

template <class T>
void append_number(std::string& out, T number) {
  char bytes[sizeof(T)];
  store(number, bytes);
  out.append(bytes, sizeof bytes);
}

}  // namespace

Task<std::uint64_t> PostgresConnection::load(io::Call call, LoadTarget target, RowSource& source) {
  if (target.columns.empty()) {
    throw_error(failures::at(node_, Errc::invalid_argument, "rows to load need a column"));
  }
  if (!target.schema.empty()) check_identifier(Adapter::postgres, target.schema);
  check_identifier(Adapter::postgres, target.table);
  for (const auto column : target.columns) check_identifier(Adapter::postgres, column);
  start(call, Effect::write);
  const bool owns = !channel_.in_transaction();
  // An INSERT, parsed, says the types of the columns and takes no right but to insert.
  const auto row = co_await parse_locked(call, insert_one(target), owns ? "BEGIN" : nullptr);
  std::uint64_t rows = 0;
  std::exception_ptr failed;
  try {
    rows = co_await copy(call, target, row.parameter_types, source);
    if (owns) co_await run_simple(call, "COMMIT", Effect::write);
  } catch (...) {
    failed = std::current_exception();
  }
  if (!failed) co_return rows;
  if (owns) co_await undo(call);
  std::rethrow_exception(failed);
}

Task<std::uint64_t> PostgresConnection::copy(io::Call call, LoadTarget target,
                                             std::span<const Oid> types, RowSource& source) {
  const auto command = fmt::format("COPY {} FROM STDIN (FORMAT binary)", table_and_columns(target));
  // Until its transaction is committed, losing the connection leaves nothing behind.
  Operation operation{Effect::read, driver::Stopwatch(call)};
  operation.copies = true;
  channel_.send_query(command.c_str(), operation);
  co_await channel_.receive(call, operation);
  if (channel_.failure() != nullptr) fail(operation, {});

  std::exception_ptr broken;
  try {
    co_await copy_rows(call, operation, target, types, source);
  } catch (...) {
    if (!channel_.is_open()) throw;
    broken = std::current_exception();
  }
  operation.copies = false;
  const char* const why = broken ? "its source of rows failed" : nullptr;
  channel_.send(PQputCopyEnd(channel_.handle(), why) == 1 ? 1 : 0, operation);
  co_await channel_.receive(call, operation);
  if (broken) std::rethrow_exception(broken);
  if (channel_.failure() != nullptr) fail(operation, {});

  const std::string_view count =
      PQcmdTuples(const_cast<PGresult*>(channel_.final_answer(operation)));
  std::uint64_t rows = 0;
  std::from_chars(count.data(), count.data() + count.size(), rows);
  co_return rows;
}

Task<void> PostgresConnection::copy_rows(io::Call call, Operation operation, LoadTarget target,
                                         std::span<const Oid> types, RowSource& source) {
  std::vector<ValueView> row(types.size());
  Scratch scratch;
  std::string buffer(kHeader);
  buffer.reserve(kBufferSize + kBufferSize / 4);
  const auto put = [&] {
    // Messages may end anywhere, but may not be of just any length.
    for (std::string_view left = buffer; !left.empty();) {
      const auto piece = left.substr(0, kLargestPiece);
      const int queued =
          PQputCopyData(channel_.handle(), piece.data(), static_cast<int>(piece.size()));
      channel_.send(queued == 1 ? 1 : 0, operation);
      left.remove_prefix(piece.size());
    }
    buffer.clear();
  };
  for (std::size_t number = 0; source.next(row); ++number) {
    append_number(buffer, static_cast<std::uint16_t>(row.size()));
    for (std::size_t i = 0; i < row.size(); ++i) {
      const auto cell = encode_binary(row[i], types[i], {number, target.columns[i]}, scratch);
      if (cell.data == nullptr) {
        append_number(buffer, kNull);
      } else {
        append_number(buffer, static_cast<std::uint32_t>(cell.size));
        buffer.append(cell.data, cell.size);
      }
    }
    if (buffer.size() < kBufferSize) continue;
    put();
    // libpq would take everything into its memory.
    co_await channel_.flush_all(call, operation);
  }
  append_number(buffer, kTrailer);
  put();
}

}  // namespace grant::postgres
