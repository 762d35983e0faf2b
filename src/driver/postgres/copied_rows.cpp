#include "copied_rows.hpp"

#include <algorithm>
#include <utility>

#include "decode.hpp"

namespace grant::postgres {
namespace {

// "COPY", file formats: Binary Format, in PostgreSQL's manual.
constexpr std::string_view kSignature{"PGCOPY\n\377\r\n\0", 11};
constexpr std::size_t kHeader = 19;  // with two numbers that have been 0 so far
constexpr std::uint16_t kTrailer = 0xFFFF;
constexpr std::uint32_t kNull = 0xFFFFFFFF;

template <class T>
bool take(std::string_view& rest, T& number) {
  if (rest.size() < sizeof(T)) return false;
  number = load<T>(rest.data());
  rest.remove_prefix(sizeof(T));
  return true;
}

}  // namespace

CopiedRows::CopiedRows(const Prepared& query)
    : types_(query.column_types),
      names_(query.column_names),
      memory_(std::make_unique<std::pmr::monotonic_buffer_resource>()) {}

bool CopiedRows::add(CopyData message, std::size_t size) {
  std::string_view rest(message.get(), size);
  messages_.push_back(std::move(message));
  if (!started_) {
    if (!rest.starts_with(kSignature) || rest.size() < kHeader) return false;
    rest.remove_prefix(kHeader);
    started_ = true;
  }
  std::uint16_t fields = 0;
  while (!rest.empty()) {
    if (!take(rest, fields)) return false;
    if (fields == kTrailer) return rest.empty();
    if (fields != types_.size()) return false;
    for (std::size_t column = 0; column < types_.size(); ++column) {
      if (!add_cell(rest, column)) return false;
    }
    ++rows_;
  }
  return true;
}

bool CopiedRows::add_cell(std::string_view& rest, std::size_t column) {
  std::uint32_t size = 0;
  if (!take(rest, size)) return false;
  auto& value = cells_.emplace_back();
  if (size == kNull) return true;
  if (rest.size() < size) return false;
  const auto bytes = rest.substr(0, size);
  rest.remove_prefix(size);
  if (decode_plain(bytes, types_[column], value)) return true;
  try {
    value = decode({bytes, types_[column], Format::binary, names_[column].c_str()}, *memory_);
  } catch (const Error& error) {
    unreadable_.emplace(cells_.size() - 1, error.info());
  }
  return true;
}

void CopiedRows::clear() noexcept {
  rows_ = 0;
  cells_.clear();
  unreadable_.clear();
  messages_.clear();
  memory_->release();
}

ValueView CopiedRows::cell(std::size_t row, std::size_t column) const {
  const std::size_t at = row * types_.size() + column;
  if (!unreadable_.empty()) {
    const auto found = unreadable_.find(at);
    if (found != unreadable_.end()) throw_error(found->second);
  }
  return cells_[at];
}

void CopiedRows::row(std::size_t row, std::span<ValueView> cells) const {
  if (!unreadable_.empty()) return Result::row(row, cells);
  std::copy_n(cells_.data() + row * types_.size(), cells.size(), cells.data());
}

}  // namespace grant::postgres
