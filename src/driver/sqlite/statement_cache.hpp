#pragma once

#include <cstddef>
#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "driver/sqlite/bind.hpp"
#include "driver/sqlite/handles.hpp"
#include "driver/sqlite/result.hpp"

namespace grant::sqlite {

/// A statement that SQLite has compiled.
struct Prepared {
  std::string sql{};
  StatementHandle handle{};
  Placeholders placeholders{};

  /// The columns of its rows. Ask after the first step: SQLite compiles a statement anew by itself
  /// when the schema has changed, and then the columns may be others.
  [[nodiscard]] const std::shared_ptr<const Columns>& columns();

 private:
  std::shared_ptr<const Columns> columns_;
  int compiled_anew_ = 0;  // SQLite's count when columns_ was read
};

/// The statements a connection used last, by their text.
class StatementCache {
 public:
  explicit StatementCache(std::size_t capacity) noexcept : capacity_(capacity) {}

  /// The statement with this text, as the one used last; null when there is none. Valid until the
  /// next add().
  [[nodiscard]] Prepared* find(std::string_view sql);

  /// Keeps `prepared`, dropping the statement that was not used for longest when the cache is full.
  /// For a capacity of at least 1.
  Prepared& add(Prepared prepared);

  [[nodiscard]] std::size_t capacity() const noexcept { return capacity_; }

 private:
  const std::size_t capacity_;
  std::list<Prepared> statements_;                                              // used last first
  std::unordered_map<std::string_view, std::list<Prepared>::iterator> by_sql_;  // views of Prepared
};

}  // namespace grant::sqlite
