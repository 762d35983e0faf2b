#pragma once

#include <cstddef>

#include "grant/driver/result.hpp"
#include "grant/io/task.hpp"
#include "grant/io/waiter.hpp"

namespace grant {

struct StreamOptions {
  /// Rows of one chunk, which are in memory together. At least 1. Chunks of more than about 100 KB
  /// make the C library give memory back to the system and ask for it again.
  std::size_t chunk_rows = 500;
};

/// The rows of a query, a chunk at a time, in bounded memory. Until it has ended, its connection
/// refuses everything else with invalid_argument, and must outlive it. For one caller at a time.
///
/// Destroying a stream that has not ended closes the connection, unless that takes no waiting:
/// close() it.
class RowStream {
 public:
  RowStream() = default;
  RowStream(const RowStream&) = delete;
  RowStream& operator=(const RowStream&) = delete;
  virtual ~RowStream() = default;

  /// The next rows, at least one; null when there are none any more, and the stream has ended.
  /// Valid until the next call. Errors: timeout, when the deadline has passed already, and the
  /// stream goes on; as Connection::execute() otherwise, and the stream has ended.
  virtual Task<const Result*> next(io::Call call) = 0;

  /// Ends the stream early; the rows that were not read are not waited for. The connection can be
  /// used again. No effect on a stream that has ended. Errors: as Connection::execute(), when the
  /// connection was lost or the deadline passed.
  virtual Task<void> close(io::Call call) = 0;
};

}  // namespace grant
