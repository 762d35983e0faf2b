#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

#include "grant/core/codec.hpp"
#include "grant/driver/result.hpp"

namespace grant {

/// One row of Rows, which may be gone: it keeps what it needs.
class Row {
 public:
  /// `index` < the number of rows.
  Row(std::shared_ptr<const Result> result, std::size_t index) noexcept
      : result_(std::move(result)), index_(index) {}

  /// Errors: invalid_argument, when there is no such column, or two of that name, or its value does
  /// not fit T.
  template <class T>
  [[nodiscard]] T get(std::size_t column) const {
    static_assert(detail::StorableCheck<T>::checked);
    return Codec<T>::decode(cell(column));
  }
  template <class T>
  [[nodiscard]] T get(std::string_view column) const {
    static_assert(detail::StorableCheck<T>::checked);
    return Codec<T>::decode(cell(column));
  }

  /// Valid while this row or its Rows live.
  [[nodiscard]] ValueView cell(std::size_t column) const;
  [[nodiscard]] ValueView cell(std::string_view column) const;

 private:
  std::shared_ptr<const Result> result_;
  std::size_t index_;
};

/// What a raw statement gave.
class Rows {
 public:
  explicit Rows(std::unique_ptr<Result> result) noexcept : result_(std::move(result)) {}

  [[nodiscard]] std::size_t size() const noexcept { return result_ ? result_->row_count() : 0; }
  [[nodiscard]] bool empty() const noexcept { return size() == 0; }
  [[nodiscard]] std::uint64_t affected_rows() const noexcept {
    return result_ ? result_->affected_rows() : 0;
  }

  /// Counted from 0. Errors: invalid_argument, when there is no such row.
  [[nodiscard]] Row operator[](std::size_t index) const { return at(index); }
  [[nodiscard]] Row at(std::size_t index) const;

  /// Empty when there is no row.
  [[nodiscard]] std::optional<Row> first() const;

  class Iterator {
   public:
    Iterator(std::shared_ptr<const Result> result, std::size_t index) noexcept
        : result_(std::move(result)), index_(index) {}
    Row operator*() const noexcept { return Row(result_, index_); }
    Iterator& operator++() noexcept {
      ++index_;
      return *this;
    }
    bool operator==(const Iterator&) const noexcept = default;

   private:
    std::shared_ptr<const Result> result_;
    std::size_t index_;
  };

  [[nodiscard]] Iterator begin() const noexcept { return Iterator(result_, 0); }
  [[nodiscard]] Iterator end() const noexcept { return Iterator(result_, size()); }

 private:
  std::shared_ptr<const Result> result_;
};

}  // namespace grant
