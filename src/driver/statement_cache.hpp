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
///
/// What a statement takes on the server and in the client grows with its text, so the texts have a
/// limit too: a few long ones, such as inserts of a thousand rows, take the place of many short
/// ones. The last one inserted is kept, however long it is.
template <class Prepared>
class StatementCache {
 public:
  /// Bytes of all texts together.
  static constexpr std::size_t kMostBytes = std::size_t{1} << 20U;

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
    while (!entries_.empty() &&
           (entries_.size() >= capacity_ || bytes_ + prepared.sql.size() > kMostBytes)) {
      discard(std::prev(entries_.end()));
    }
    bytes_ += prepared.sql.size();
    entries_.push_front(std::move(prepared));
    by_sql_.emplace(entries_.front().sql, entries_.begin());
    return &entries_.front();
  }

  void erase(std::string_view sql) {
    const auto found = by_sql_.find(sql);
    if (found != by_sql_.end()) discard(found->second);
  }

  /// Discards the half that was used least recently, rounded up. Does nothing when it is empty.
  void discard_half() {
    for (auto left = (entries_.size() + 1) / 2; left > 0; --left)
      discard(std::prev(entries_.end()));
  }

  /// What left the cache, for whoever has to tell the server; theirs to empty.
  [[nodiscard]] std::list<Prepared>& discarded() noexcept { return discarded_; }

  /// Forgets everything, what was discarded too.
  void clear() noexcept {
    by_sql_.clear();
    entries_.clear();
    discarded_.clear();
    bytes_ = 0;
  }

 private:
  using Entries = std::list<Prepared>;

  void discard(typename Entries::iterator entry) {
    bytes_ -= entry->sql.size();
    by_sql_.erase(entry->sql);
    discarded_.splice(discarded_.end(), entries_, entry);
  }

  std::size_t capacity_;
  std::size_t bytes_ = 0;  // of the texts in entries_
  Entries entries_;        // last used first
  std::unordered_map<std::string_view, typename Entries::iterator> by_sql_;  // keys: entries_
  Entries discarded_;
};

}  // namespace grant
