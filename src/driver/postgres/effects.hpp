#pragma once

#include <string_view>

#include "driver/schema_changes.hpp"

namespace grant::postgres {

/// What a command has done to the tables that other statements name. `tag`: as the server named it,
/// when it had run it. What a function or a procedure does is not seen.
[[nodiscard]] driver::SchemaEffect effect_of(std::string_view tag, std::string_view sql) noexcept;

/// Whether `sql`, whose tag does not tell, may give names another meaning on its session, as far as
/// its text shows: it makes a temporary table of a query, or sets the search path by set_config().
[[nodiscard]] bool moves_names(std::string_view sql) noexcept;

/// A command after which the effects of those before it may be gone, or be there for all.
[[nodiscard]] bool settles_transaction(std::string_view tag) noexcept;

/// Whether running `sql` outside a transaction may make a part of its work durable, and fail then:
/// procedures, and commands that have transactions of their own. By its first words.
[[nodiscard]] bool may_commit(std::string_view sql) noexcept;

/// Whether `sql` is a command that may end the transaction that is open.
[[nodiscard]] bool may_end_transaction(std::string_view sql) noexcept;

/// Whether `sql` is a command about the transaction itself.
[[nodiscard]] bool is_about_transaction(std::string_view sql) noexcept;

/// Whether `sql`, a ROLLBACK, has begun a new transaction.
[[nodiscard]] bool is_chained(std::string_view sql) noexcept;

}  // namespace grant::postgres
