#include "result.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstring>
#include <new>
#include <optional>

#include "grant/core/error.hpp"
#include "grant/core/timestamp.hpp"

namespace grant::mariadb {
namespace {

constexpr std::size_t kLargestBlock = std::size_t{64} * 1024;

// libmariadb hands on whatever bytes the server sent as a year, a month, an hour and so on.

/// Empty for what no clock shows.
std::optional<std::chrono::microseconds> clock_from(const MYSQL_TIME& time) {
  using namespace std::chrono;
  if (time.hour > 24 || time.minute > 59 || time.second > 59 || time.second_part > 999'999) {
    return std::nullopt;
  }
  return hours(time.hour) + minutes(time.minute) + seconds(time.second) +
         microseconds(time.second_part);
}

/// Empty for a zero date, which stands for no day.
std::optional<Date> date_from(const MYSQL_TIME& time) {
  using namespace std::chrono;
  if (time.year > 9999) return std::nullopt;
  const year_month_day date(year(static_cast<int>(time.year)), month(time.month), day(time.day));
  return date.ok() ? std::optional<Date>(sys_days(date)) : std::nullopt;
}

std::optional<Timestamp> timestamp_from(const MYSQL_TIME& time) {
  const auto date = date_from(time);
  const auto clock = clock_from(time);
  if (!date || !clock || *clock >= std::chrono::days(1)) return std::nullopt;
  return *date + *clock;
}

/// Empty for what is no time of one day.
std::optional<TimeOfDay> time_from(const MYSQL_TIME& time) {
  const auto clock = clock_from(time);
  if (!clock || *clock > std::chrono::days(1) || time.neg != 0) return std::nullopt;
  return TimeOfDay{*clock};
}

template <class T>
std::optional<T> parse(std::string_view text) {
  T number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

std::string_view why_unreadable(ValueKind kind) {
  switch (kind) {
    case ValueKind::date:
    case ValueKind::timestamp: return "a zero date, or another that is no day of the calendar";
    case ValueKind::time: return "a time that is not between 0 and 24 hours";
    default: return "the server's text is not what the column's type says";
  }
}

}  // namespace

RowReader::RowReader(MYSQL_STMT* statement)
    : statement_(statement),
      columns_(std::make_shared<Columns>(statement)),
      slots_(columns_->size()),
      binds_(columns_->size()) {
  for (std::size_t i = 0; i < slots_.size(); ++i) describe(binds_[i], slots_[i], (*columns_)[i]);
  bind();
}

void RowReader::bind() {
  if (mysql_stmt_bind_result(statement_, binds_.data()) != 0) throw std::bad_alloc();
}

std::unique_ptr<MariadbResult> RowReader::read_all(bool changes_rows) {
  auto into = std::make_unique<MariadbResult>(columns_);
  const std::size_t rows = mysql_stmt_num_rows(statement_);
  if (changes_rows) into->affected_rows_ = rows;
  into->cells_.reserve(rows * columns_->size());
  while (into->rows_ < rows) {
    const int fetched = mysql_stmt_fetch(statement_);
    // Truncation is what the empty buffers ask for.
    if (fetched != 0 && fetched != MYSQL_DATA_TRUNCATED) return nullptr;
    add_to(*into);
  }
  // libmariadb frees a result only while there are rows left to read, and would keep this one until
  // the statement is closed.
  if (rows > 0) mysql_stmt_data_seek(statement_, 0);
  return into;
}

void RowReader::describe(MYSQL_BIND& bind, Slot& slot, const Columns::Column& column) {
  bind = {};
  bind.buffer = &slot.integer;
  bind.length = &slot.length;
  bind.is_null = &slot.is_null;
  switch (column.kind) {
    case ValueKind::boolean:
    case ValueKind::integer:
      bind.buffer_type = MYSQL_TYPE_LONGLONG;
      bind.is_unsigned = column.is_unsigned ? 1 : 0;
      return;
    case ValueKind::real:
      bind.buffer_type = column.type == MYSQL_TYPE_FLOAT ? MYSQL_TYPE_FLOAT : MYSQL_TYPE_DOUBLE;
      return;
    case ValueKind::date:
    case ValueKind::time:
    case ValueKind::timestamp: bind.buffer_type = column.type; return;
    default:
      // As much as fits here; the rest of a longer one goes straight to where it stays.
      bind.buffer_type = MYSQL_TYPE_STRING;
      bind.buffer = slot.characters.data();
      bind.buffer_length = slot.characters.size();
      return;
  }
}

void RowReader::add_to(MariadbResult& into) {
  ++into.rows_;
  auto& cells = into.cells_;
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    const Slot& slot = slots_[i];
    const auto& column = (*columns_)[i];
    if (slot.is_null != 0) {
      cells.push_back({});
      continue;
    }
    switch (column.kind) {
      case ValueKind::boolean: into.add_boolean(slot.integer); break;
      case ValueKind::integer: into.add_integer(slot.integer, column.is_unsigned); break;
      case ValueKind::real:
        cells.push_back(ValueView::real(
            column.type == MYSQL_TYPE_FLOAT ? static_cast<double>(slot.single) : slot.real));
        break;
      case ValueKind::date: into.add(date_from(slot.time), ValueView::date); break;
      case ValueKind::time: into.add(time_from(slot.time), ValueView::time); break;
      case ValueKind::timestamp: into.add(timestamp_from(slot.time), ValueView::timestamp); break;
      default: add_characters(into, i); break;
    }
  }
}

void RowReader::add_characters(MariadbResult& into, std::size_t column) {
  const Slot& slot = slots_[column];
  const auto kind = (*columns_)[column].kind;
  if (kind == ValueKind::uuid && slot.length <= slot.characters.size()) {
    into.add_uuid({slot.characters.data(), slot.length});
    return;
  }
  char* const room = into.allocate(slot.length);
  if (slot.length <= slot.characters.size()) {
    std::copy_n(slot.characters.data(), slot.length, room);
  } else {
    MYSQL_BIND whole{};
    unsigned long length = slot.length;
    my_bool is_null = 0;
    whole.buffer_type = MYSQL_TYPE_STRING;
    whole.buffer = room;
    whole.buffer_length = slot.length;
    whole.length = &length;
    whole.is_null = &is_null;
    const auto index = static_cast<unsigned int>(column);
    if (mysql_stmt_fetch_column(statement_, &whole, index, 0) != 0) throw std::bad_alloc();
  }
  into.add_kept((*columns_)[column], {room, slot.length});
}

void MariadbResult::clear_rows() noexcept {
  rows_ = 0;
  cells_.clear();
  unreadable_.clear();
  // One block, the largest, is enough for most chunks that follow.
  if (blocks_.size() > 1) blocks_.erase(blocks_.begin(), std::prev(blocks_.end()));
  free_ = blocks_.empty() ? first_.data() : blocks_.back().get();
  free_bytes_ = blocks_.empty() ? first_.size() : last_block_;
}

MariadbResult::MariadbResult(MYSQL_RES* rows, bool changes_rows)
    : columns_(std::make_shared<Columns>(
          std::span<const MYSQL_FIELD>(mysql_fetch_fields(rows), mysql_num_fields(rows)))) {
  const std::size_t count = columns_->size();
  rows_ = mysql_num_rows(rows);
  if (changes_rows) affected_rows_ = rows_;
  cells_.reserve(rows_ * count);
  while (MYSQL_ROW row = mysql_fetch_row(rows)) {
    const unsigned long* lengths = mysql_fetch_lengths(rows);
    for (std::size_t i = 0; i < count; ++i) {
      if (row[i] == nullptr) {
        cells_.push_back({});
      } else {
        add_text((*columns_)[i], {row[i], lengths[i]});
      }
    }
  }
}

char* MariadbResult::allocate(std::size_t size) {
  if (size > free_bytes_) {
    const std::size_t block = std::max(size, next_block_);
    last_block_ = block;
    next_block_ = std::min(next_block_ * 2, kLargestBlock);
    blocks_.emplace_back(new char[block]);
    free_ = blocks_.back().get();
    free_bytes_ = block;
  }
  char* const taken = free_;
  free_ += size;
  free_bytes_ -= size;
  return taken;
}

/// `characters` are in a block already.
ValueView MariadbResult::keep(ValueKind kind, std::string_view characters) {
  switch (kind) {
    case ValueKind::bytes:
      return ValueView::bytes(std::as_bytes(std::span(characters.data(), characters.size())));
    case ValueKind::json: return ValueView::json(characters);
    case ValueKind::decimal: return ValueView::decimal(characters);
    default: return ValueView::text(characters);
  }
}

void MariadbResult::add_kept(const Columns::Column& column, std::string_view characters) {
  const auto value = keep(column.kind, characters);
  cells_.push_back(column.type == MYSQL_TYPE_BIT ? ValueView::bits(value) : value);
}

/// A tinyint(1): BOOLEAN is another word for it, but it holds other numbers as well.
void MariadbResult::add_boolean(std::int64_t number) {
  cells_.push_back(number == 0 || number == 1 ? ValueView::boolean(number == 1)
                                              : ValueView::integer(number));
}

void MariadbResult::add_integer(std::int64_t bits, bool is_unsigned) {
  cells_.push_back(is_unsigned ? ValueView::unsigned_integer(static_cast<std::uint64_t>(bits))
                               : ValueView::integer(bits));
}

void MariadbResult::add_uuid(std::string_view text) {
  const auto uuid = Uuid::parse(text);
  // The column was altered: the server does not tell anew what its texts stand for.
  if (!uuid) {
    cells_.push_back(ValueView::text(copied(text)));
    return;
  }
  char* const room = allocate(Uuid::kSize);
  std::memcpy(room, uuid->bytes.data(), Uuid::kSize);
  cells_.push_back(ValueView::uuid(std::string_view(room, Uuid::kSize)));
}

std::string_view MariadbResult::copied(std::string_view characters) {
  char* const room = allocate(characters.size());
  if (!characters.empty()) std::memcpy(room, characters.data(), characters.size());
  return {room, characters.size()};
}

void MariadbResult::add_unreadable() {
  unreadable_.insert(cells_.size());
  cells_.push_back({});
}

void MariadbResult::add_text(const Columns::Column& column, std::string_view text) {
  switch (column.kind) {
    case ValueKind::boolean:
    case ValueKind::integer: {
      const auto number = parse<std::int64_t>(text);
      if (number && column.kind == ValueKind::boolean) return add_boolean(*number);
      const auto large = number ? std::nullopt : parse<std::uint64_t>(text);
      if (!number && !large) return add_unreadable();
      add_integer(number ? *number : static_cast<std::int64_t>(*large), column.is_unsigned);
      return;
    }
    case ValueKind::real: {
      // As in the binary protocol: a float widened to a double, not its digits read as one.
      const auto single = column.type == MYSQL_TYPE_FLOAT ? parse<float>(text) : std::nullopt;
      const auto number = single ? std::optional<double>(*single) : parse<double>(text);
      if (!number) return add_unreadable();
      cells_.push_back(ValueView::real(*number));
      return;
    }
    case ValueKind::date: add(parse_date(text), ValueView::date); return;
    case ValueKind::time: add(parse_time(text), ValueView::time); return;
    case ValueKind::timestamp: add(parse_timestamp(text), ValueView::timestamp); return;
    case ValueKind::uuid: add_uuid(text); return;
    default: add_kept(column, copied(text)); return;
  }
}

std::size_t MariadbResult::row_count() const noexcept { return rows_; }

std::size_t MariadbResult::column_count() const noexcept { return columns_ ? columns_->size() : 0; }

std::string_view MariadbResult::column_name(std::size_t column) const noexcept {
  return (*columns_)[column].name;
}

ValueView MariadbResult::cell(std::size_t row, std::size_t column) const {
  const std::size_t index = row * columns_->size() + column;
  if (!unreadable_.empty() && unreadable_.contains(index)) {
    const auto& named = (*columns_)[column];
    throw_error(Errc::invalid_argument,
                fmt::format("column \"{}\": {}", named.name, why_unreadable(named.kind)));
  }
  return cells_[index];
}

void MariadbResult::row(std::size_t row, std::span<ValueView> cells) const {
  if (!unreadable_.empty()) return Result::row(row, cells);
  cells_.copy_row(row, cells);
}

std::uint64_t MariadbResult::affected_rows() const noexcept { return affected_rows_; }

}  // namespace grant::mariadb
