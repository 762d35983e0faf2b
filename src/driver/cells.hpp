#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>
#include <vector>

#include "grant/core/value.hpp"

namespace grant::driver {

/// The cells of a result, row by row. The first few need no memory of their own: most results are
/// one short row.
class Cells {
 public:
  Cells() = default;
  Cells(const Cells&) = delete;
  Cells& operator=(const Cells&) = delete;
  ~Cells() = default;

  /// Makes room for so many altogether.
  void reserve(std::size_t count) {
    if (count > few_.size()) move_to(count);
  }

  void push_back(ValueView value) {
    if (size_ == (many_.empty() ? few_.size() : many_.size())) move_to(size_ * 2);
    cells_[size_++] = value;
  }

  /// `count` more, which are null. Valid until there are more.
  [[nodiscard]] std::span<ValueView> append(std::size_t count) {
    const std::size_t room = many_.empty() ? few_.size() : many_.size();
    if (size_ + count > room) move_to(std::max(size_ + count, room * 2));
    const std::span added(cells_ + size_, count);
    std::ranges::fill(added, ValueView());
    size_ += count;
    return added;
  }

  /// Keeps the memory.
  void clear() noexcept { size_ = 0; }

  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] ValueView operator[](std::size_t at) const noexcept { return cells_[at]; }

  /// The `number`th row of rows that fill `into`.
  void copy_row(std::size_t number, std::span<ValueView> into) const noexcept {
    std::copy_n(cells_ + number * into.size(), into.size(), into.begin());
  }

 private:
  void move_to(std::size_t count) {
    const bool first = many_.empty();
    many_.resize(std::max(count, many_.size()));
    if (first) std::copy_n(few_.begin(), size_, many_.begin());
    cells_ = many_.data();
  }

  std::array<ValueView, 8> few_{};
  std::vector<ValueView> many_;  // empty while few_ suffices
  ValueView* cells_ = few_.data();
  std::size_t size_ = 0;
};

}  // namespace grant::driver
