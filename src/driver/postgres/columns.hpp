#pragma once

#include <string>
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

  /// As the server describes them. In text, if there is a type that only its text is known of.
  [[nodiscard]] static Columns of(const PGresult* description);
};

}  // namespace grant::postgres
