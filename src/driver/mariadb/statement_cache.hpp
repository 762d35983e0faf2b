#pragma once

#include <cstddef>
#include <list>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "types.hpp"

namespace grant::mariadb {

/// A statement that the server has parsed.
struct Prepared {
  std::string sql{};                 ///< As the caller wrote it.
  StatementHandle handle{};          ///< Null: it goes as text, because it cannot be prepared.
  std::vector<std::size_t> order{};  ///< As Rewritten has it.
  std::size_t parameters{};
  bool outdated{};      ///< To be prepared anew before it runs again.
  bool changes_rows{};  ///< It inserts, updates or deletes, whether or not it gives rows back.
};

/// The statements one connection has prepared, the least recently used going first.
class StatementCache {
 public:
  explicit StatementCache(std::size_t capacity) : capacity_(capacity) {}

  [[nodiscard]] std::size_t capacity() const noexcept { return capacity_; }
  [[nodiscard]] std::size_t size() const noexcept { return entries_.size(); }

  /// The statement for `sql`, now the most recently used one; null when there is none. Valid until
  /// the next insert(), erase() or clear().
  [[nodiscard]] Prepared* find(std::string_view sql);

  /// Keeps `prepared`, whose SQL is not in the cache; others make room for it.
  Prepared* insert(Prepared prepared);

  void erase(std::string_view sql);

  /// Statements that left the cache and that the server still keeps.
  [[nodiscard]] std::vector<StatementHandle>& discarded() noexcept { return discarded_; }

  /// Forgets everything, what was discarded too.
  void clear() noexcept;

 private:
  void discard(std::list<Prepared>::iterator entry);

  std::size_t capacity_;
  std::list<Prepared> entries_;  // most recently used first
  std::unordered_map<std::string_view, std::list<Prepared>::iterator> by_sql_;  // keys: entries_
  std::vector<StatementHandle> discarded_;
};

}  // namespace grant::mariadb
