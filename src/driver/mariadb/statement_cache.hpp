#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "driver/schema_changes.hpp"
#include "driver/statement_cache.hpp"
#include "effects.hpp"
#include "grant/core/clock.hpp"
#include "handles.hpp"
#include "result.hpp"
#include "types.hpp"

namespace grant::mariadb {

/// A statement that the server has parsed.
struct Prepared {
  std::string sql{};                    ///< As the caller wrote it, after kGuard if guarded.
  StatementHandle handle{};             ///< Null: it goes as text, because it cannot be prepared.
  std::unique_ptr<RowReader> reader{};  ///< Null until it gave rows.
  std::vector<std::size_t> order{};     ///< As Rewritten has it.
  std::size_t parameters{};
  bool outdated{};        ///< To be prepared anew before it runs again.
  TimePoint described{};  ///< Before the server was asked about it.
  driver::SchemaEffect effect{};
  bool mentions_session{};  ///< See mentions_session().
  Commits commits{};        ///< See commits().
  bool changes_rows{};      ///< It inserts, updates or deletes, whether or not it gives rows back.

  /// For the rows that it gives now; it has been executed. Sets `outdated`, where libmariadb keeps
  /// something of the columns as they were.
  RowReader& bound_reader() {
    if (reader && reader->columns()->fit(handle.get())) {
      reader->bind();
    } else {
      reader = std::make_unique<RowReader>(handle.get());
      outdated = reader->columns()->have_changed();
    }
    return *reader;
  }
};

using StatementCache = grant::StatementCache<Prepared>;

}  // namespace grant::mariadb
