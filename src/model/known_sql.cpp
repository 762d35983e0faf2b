#include "grant/model/known_sql.hpp"

#include <memory>

namespace grant::detail {

struct KnownSql::Entry {
  ColumnSet columns;
  Text text;
  const Entry* next;
};

const KnownSql::Text* KnownSql::find(Kind kind, Adapter adapter,
                                     const ColumnSet& columns) const noexcept {
  const auto* entry = lists_[index(kind, adapter)].first.load(std::memory_order_acquire);
  while (entry != nullptr && entry->columns != columns) entry = entry->next;
  return entry != nullptr ? &entry->text : nullptr;
}

const KnownSql::Text* KnownSql::add(Kind kind, Adapter adapter, const ColumnSet& columns,
                                    Text text) {
  // More sets of columns than this are made by no program, but by its data.
  constexpr std::size_t most = 64;
  auto& list = lists_[index(kind, adapter)];
  if (list.size.fetch_add(1, std::memory_order_relaxed) >= most) {
    list.size.fetch_sub(1, std::memory_order_relaxed);
    return nullptr;
  }
  auto made = std::make_unique<Entry>(Entry{columns, std::move(text), nullptr});
  made->next = list.first.load(std::memory_order_relaxed);
  while (!list.first.compare_exchange_weak(made->next, made.get(), std::memory_order_release,
                                           std::memory_order_relaxed)) {
  }
  return &made.release()->text;  // which some thread may have added as well, and is found first
}

}  // namespace grant::detail
