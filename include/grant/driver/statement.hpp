#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "grant/core/value.hpp"

namespace grant {

/// Whether running a statement can change anything. Decides where it may run, and what a lost
/// connection means: nothing (read), or an unknown outcome (write).
enum class Effect : std::uint8_t { read, write };

/// SQL with its bound values, looked at without owning them. Placeholders are `$1`, `$2`, … on
/// every engine, and may be used in any order and more than once.
struct Statement {
  std::string_view sql{};
  std::span<const ValueView> params{};
  Effect effect = Effect::write;
  /// For a read whose text is not Grant's: the server is told to refuse it, as read_only, where it
  /// writes after all. What the server then lets pass all the same, the guide on routing lists.
  bool guarded = false;
  /// For a write outside a transaction that execute() runs: Connection::last_position() shall give
  /// its position. Costs a query in the same round trip on PostgreSQL. MariaDB tells it unasked,
  /// but for writes that return rows, which take a round trip more.
  bool wants_position = false;
};

enum class Isolation : std::uint8_t {
  engine_default,
  read_committed,
  repeatable_read,
  serializable
};

struct TransactionOptions {
  Isolation isolation = Isolation::engine_default;
  /// `read`: the server refuses writes inside it.
  Effect effect = Effect::write;
  /// Connection::last_position() shall give the position of the commit, as
  /// Statement::wants_position says.
  bool wants_position = false;
};

}  // namespace grant
