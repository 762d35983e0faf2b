#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "grant/core/codec.hpp"
#include "grant/driver/result.hpp"

namespace grant {

/// One row of Rows, which must outlive it.
class Row {
 public:
  Row(const Result& result, std::size_t index) noexcept : result_(&result), index_(index) {}

  /// Errors: invalid_argument, when there is no such column, or its value does not fit T.
  template <Storable T>
  [[nodiscard]] T get(std::size_t column) const {
    return Codec<T>::decode(cell(column));
  }
  template <Storable T>
  [[nodiscard]] T get(std::string_view column) const {
    return Codec<T>::decode(cell(column));
  }

  [[nodiscard]] ValueView cell(std::size_t column) const;
  [[nodiscard]] ValueView cell(std::string_view column) const;

 private:
  const Result* result_;
  std::size_t index_;
};

/// What a raw statement gave.
class Rows {
 public:
  explicit Rows(std::unique_ptr<Result> result) noexcept : result_(std::move(result)) {}

  [[nodiscard]] std::size_t size() const noexcept { return result_->row_count(); }
  [[nodiscard]] bool empty() const noexcept { return size() == 0; }
  [[nodiscard]] std::uint64_t affected_rows() const noexcept { return result_->affected_rows(); }

  /// `index` < size().
  [[nodiscard]] Row operator[](std::size_t index) const noexcept { return Row(*result_, index); }

  class Iterator {
   public:
    Iterator(const Result& result, std::size_t index) noexcept : result_(&result), index_(index) {}
    Row operator*() const noexcept { return Row(*result_, index_); }
    Iterator& operator++() noexcept {
      ++index_;
      return *this;
    }
    bool operator==(const Iterator&) const noexcept = default;

   private:
    const Result* result_;
    std::size_t index_;
  };

  [[nodiscard]] Iterator begin() const noexcept { return Iterator(*result_, 0); }
  [[nodiscard]] Iterator end() const noexcept { return Iterator(*result_, size()); }

 private:
  std::unique_ptr<Result> result_;
};

}  // namespace grant
