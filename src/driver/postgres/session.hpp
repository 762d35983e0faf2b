#pragma once

#include <string_view>

namespace grant::postgres {

/// Whether running `sql` may leave something on the session when its transaction has ended, as far
/// as its text shows: settings made by set_config(), advisory locks, temporary tables, and cursors
/// WITH HOLD. What a function or procedure does is not seen.
[[nodiscard]] bool mentions_session(std::string_view sql) noexcept;

enum class SessionChange { none, kept, named_statements };

/// What a command has left on the session. `tag`: as the server named it, when it had run it.
[[nodiscard]] SessionChange change_by(std::string_view tag, std::string_view sql) noexcept;

}  // namespace grant::postgres
