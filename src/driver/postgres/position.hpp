#pragma once

#include <cstdint>

namespace grant::postgres {

/// The place at which a standby stands that has replayed all up to `insert`, as
/// pg_current_wal_insert_lsn() gives it: right behind a boundary that is after the header of a page
/// which is not written yet, and never replayed before there is something in it. `segment`: the
/// bytes of a file of the log, whose first page has the longer header.
[[nodiscard]] std::uint64_t replayable(std::uint64_t insert, std::uint64_t segment) noexcept;

}  // namespace grant::postgres
