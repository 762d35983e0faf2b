// Statements that are refused where they write.
#include <fmt/format.h>

#include "connection.hpp"
#include "driver/failures.hpp"
#include "errors.hpp"

namespace grant::sqlite {

void SqliteConnection::refuse_guarded(const Prepared& prepared, std::string_view tried) const {
  const bool reads = sqlite3_stmt_readonly(prepared.handle.get()) != 0;
  if (reads && !prepared.changes_session && !prepared.is_about_transaction) return;
  const auto* const why = !reads                     ? "it writes"
                          : prepared.changes_session ? "it changes the connection"
                                                     : "it is about the transaction";
  throw_error(
      failures::guarded(failures::at(node_, Errc::read_only, fmt::format("{}: {}", tried, why))));
}

}  // namespace grant::sqlite
