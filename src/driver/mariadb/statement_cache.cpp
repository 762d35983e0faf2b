#include "statement_cache.hpp"

#include <cassert>
#include <utility>

namespace grant::mariadb {

Prepared* StatementCache::find(std::string_view sql) {
  const auto found = by_sql_.find(sql);
  if (found == by_sql_.end()) return nullptr;
  entries_.splice(entries_.begin(), entries_, found->second);
  return &entries_.front();
}

Prepared* StatementCache::insert(Prepared prepared) {
  assert(capacity_ > 0 && !by_sql_.contains(prepared.sql));
  while (entries_.size() >= capacity_) discard(std::prev(entries_.end()));
  entries_.push_front(std::move(prepared));
  by_sql_.emplace(entries_.front().sql, entries_.begin());
  return &entries_.front();
}

void StatementCache::erase(std::string_view sql) {
  const auto found = by_sql_.find(sql);
  if (found != by_sql_.end()) discard(found->second);
}

void StatementCache::clear() noexcept {
  by_sql_.clear();
  entries_.clear();
  discarded_.clear();
}

void StatementCache::discard(std::list<Prepared>::iterator entry) {
  by_sql_.erase(entry->sql);
  if (entry->handle) discarded_.push_back(std::move(entry->handle));
  entries_.erase(entry);
}

}  // namespace grant::mariadb
