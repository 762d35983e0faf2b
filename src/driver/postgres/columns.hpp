#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "encode.hpp"
#include "types.hpp"

namespace grant::postgres {

/// The columns of a statement's rows. Immutable, and shared by all results of the statement.
struct Columns {
  struct Column {
    Oid type{};
    bool has_characters{};  ///< A decoded cell may look at the bytes that it was decoded from.
    std::string name{};
  };

  std::vector<Column> all{};
  Format format = Format::binary;  ///< Of all their cells.

  /// Some of their cells have to be decoded when they arrive; see needs_memory().
  bool need_memory = false;

  /// False: the server was not asked for them, and they come with the rows.
  bool known = true;

  /// False: the server may give others the next time, and does not say so before it runs the
  /// statement (FETCH, EXECUTE).
  bool fixed = false;

  /// As the server describes those of `sql`. In text, if there is a type that only its text is
  /// known of, or there may be.
  [[nodiscard]] static Columns of(const PGresult* description, std::string_view sql);

  /// As they come with `rows`.
  [[nodiscard]] static Columns of_rows(const PGresult* rows);

  /// Not known, in text.
  [[nodiscard]] static Columns unknown();

  /// Whether `rows` have these columns.
  [[nodiscard]] bool fit(const PGresult* rows) const noexcept;

 private:
  void note_memory() noexcept;
};

}  // namespace grant::postgres
