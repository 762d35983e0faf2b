#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "grant/driver/adapter.hpp"
#include "grant/query/sql.hpp"

namespace grant::detail {

/// The SQL of a model's own statements, each rendered once for an engine and the columns that it
/// writes. Only grows, up to some number for each kind; takes no lock. Thread-safe. Make it a
/// static object: what it gives lives as long as the process.
class KnownSql {
 public:
  enum class Kind : std::uint8_t { find, insert, update, update_alone, remove, remove_alone };

  struct Text {
    std::string sql{};
    std::vector<ColumnName> columns{};  ///< Of each value: what it is for or compared with.
  };

  constexpr KnownSql() = default;
  KnownSql(const KnownSql&) = delete;
  KnownSql& operator=(const KnownSql&) = delete;

  /// Null: it is not known yet.
  [[nodiscard]] const Text* find(Kind kind, Adapter adapter,
                                 const ColumnSet& columns) const noexcept;

  /// Null: there are as many as are kept.
  const Text* add(Kind kind, Adapter adapter, const ColumnSet& columns, Text text);

 private:
  struct Entry;
  static constexpr std::size_t kKinds = 6;
  static constexpr std::size_t kAdapters = 3;

  struct List {
    std::atomic<const Entry*> first = nullptr;
    std::atomic<std::size_t> size = 0;
  };

  [[nodiscard]] static std::size_t index(Kind kind, Adapter adapter) noexcept {
    return static_cast<std::size_t>(kind) * kAdapters + static_cast<std::size_t>(adapter);
  }

  std::array<List, kKinds * kAdapters> lists_{};
};

}  // namespace grant::detail
