#pragma once

#include <cstdint>
#include <string_view>

#include "driver/schema_changes.hpp"
#include "grant/driver/connection.hpp"

namespace grant::mariadb {

/// What a statement may make durable by itself, before it fails or is lost.
enum class Commits : std::uint8_t {
  never,
  itself,   ///< It commits what came before, and cannot be undone: most of DDL, LOAD DATA.
  within,   ///< It runs statements of its own, which may commit: CALL, BEGIN NOT ATOMIC.
  control,  ///< It ends transactions, and does nothing else: COMMIT, BEGIN.
};

/// By its first words.
[[nodiscard]] Commits commits(std::string_view sql);

/// How `sql`, which was run, has ended the transaction that was open.
[[nodiscard]] TransactionEnd end_by(std::string_view sql);

/// Whether `sql` only reads, as far as its first word shows. What gives no rows does not.
[[nodiscard]] bool is_query(std::string_view sql);

/// Whether `sql` is a command about the transaction itself.
[[nodiscard]] bool is_about_transaction(std::string_view sql);

/// Whether `sql` locks rows, takes a number of a sequence or sets it, or calls what may be a stored
/// function: what is not known to be one of the server's own. Words in strings and comments count
/// as well.
[[nodiscard]] bool locks_rows(std::string_view sql);
[[nodiscard]] bool moves_sequence(std::string_view sql);
[[nodiscard]] bool may_call_stored(std::string_view sql);

/// Whether `after`, the flags of the transaction that is open, cannot be those of the one that had
/// `before`: of one transaction they only become more.
[[nodiscard]] bool is_another_transaction(std::string_view before, std::string_view after) noexcept;

/// What running `sql` does to what other statements mean, as far as its text shows. A change of the
/// database is told by the server, and not seen here.
[[nodiscard]] driver::SchemaEffect effect_of(std::string_view sql);

}  // namespace grant::mariadb
