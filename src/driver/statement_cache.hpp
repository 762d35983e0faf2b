#pragma once

#include <cassert>
#include <cstddef>
#include <iterator>
#include <list>
#include <string_view>
#include <unordered_map>
#include <utility>

namespace grant {

/// The statements one connection has prepared, by their text; the least recently used goes first.
/// `Prepared` is what the engine keeps of one, with the text as its member `sql`.
template <class Prepared>
class StatementCache {
 public:
  /// `capacity` 0: insert() must not be called.
  explicit StatementCache(std::size_t capacity) noexcept : capacity_(capacity) {}

  [[nodiscard]] std::size_t capacity() const noexcept { return capacity_; }
  [[nodiscard]] std::size_t size() const noexcept { return entries_.size(); }

  /// The statement for `sql`, now the most recently used one; null when there is none. Valid until
  /// it leaves the cache.
  [[nodiscard]] Prepared* find(std::string_view sql) {
    // The same again, as in a loop: cheaper than its hash.
    if (!entries_.empty() && entries_.front().sql == sql) return &entries_.front();
    const auto found = by_sql_.find(sql);
    if (found == by_sql_.end()) return nullptr;
    entries_.splice(entries_.begin(), entries_, found->second);
    return &entries_.front();
  }

  /// Keeps `prepared`, whose SQL is not in the cache; others make room for it.
  Prepared* insert(Prepared prepared) {
    assert(capacity_ > 0 && !by_sql_.contains(prepared.sql));
    while (entries_.size() >= capacity_) discard(std::prev(entries_.end()));
    entries_.push_front(std::move(prepared));
    by_sql_.emplace(entries_.front().sql, entries_.begin());
    return &entries_.front();
  }

  void erase(std::string_view sql) {
    const auto found = by_sql_.find(sql);
    if (found != by_sql_.end()) discard(found->second);
  }

  /// What left the cache, for whoever has to tell the server; theirs to empty.
  [[nodiscard]] std::list<Prepared>& discarded() noexcept { return discarded_; }

  /// Forgets everything, what was discarded too.
  void clear() noexcept {
    by_sql_.clear();
    entries_.clear();
    discarded_.clear();
  }

 private:
  using Entries = std::list<Prepared>;

  void discard(typename Entries::iterator entry) {
    by_sql_.erase(entry->sql);
    discarded_.splice(discarded_.end(), entries_, entry);
  }

  std::size_t capacity_;
  Entries entries_;                                                          // last used first
  std::unordered_map<std::string_view, typename Entries::iterator> by_sql_;  // keys: entries_
  Entries discarded_;
};

}  // namespace grant
