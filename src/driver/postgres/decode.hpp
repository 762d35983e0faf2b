#pragma once

#include <memory_resource>
#include <string_view>

#include "encode.hpp"
#include "types.hpp"

namespace grant::postgres {

/// One cell as the server sent it.
struct Cell {
  std::string_view bytes{};
  Oid type{};
  Format format{};
  const char* column = "";  ///< To be named when the bytes are wrong.
};

/// True when decode() makes something that `cell.bytes` do not hold already.
[[nodiscard]] constexpr bool needs_memory(Oid type, Format format) noexcept {
  return element_of(type) != 0 ||
         (format == Format::binary ? type == oid::numeric
                                   : type == oid::uuid || type == oid::bytea);
}

/// Decodes `cell`, which is not null. What the result looks at is in the cell's bytes or in
/// `memory`. Errors: invalid_argument, naming the column, when the bytes are not what their type
/// says, or stand for what the kind cannot hold (infinity, an array of two dimensions).
[[nodiscard]] ValueView decode(const Cell& cell, std::pmr::memory_resource& memory);

}  // namespace grant::postgres
