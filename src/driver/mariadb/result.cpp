#include "result.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstring>
#include <limits>
#include <new>
#include <optional>

#include "grant/core/error.hpp"
#include "grant/core/timestamp.hpp"

namespace grant::mariadb {
namespace {

constexpr std::size_t kLargestBlock = std::size_t{64} * 1024;

/// Where libmariadb puts the cells of one column, row after row.
struct Slot {
  union {
    long long integer;
    float single;
    double real;
    MYSQL_TIME time;
  };
  unsigned long length;
  my_bool is_null;
};

/// Empty for a zero date, which stands for no day.
std::optional<Timestamp> timestamp_from(const MYSQL_TIME& time) {
  using namespace std::chrono;
  const year_month_day date(year(static_cast<int>(time.year)), month(time.month), day(time.day));
  if (!date.ok()) return std::nullopt;
  return sys_days(date) + hours(time.hour) + minutes(time.minute) + seconds(time.second) +
         microseconds(time.second_part);
}

template <class T>
std::optional<T> parse(std::string_view text) {
  T number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

void bind_slot(MYSQL_BIND& bind, Slot& slot, const MYSQL_FIELD& field, ValueKind kind) {
  bind = {};
  bind.buffer = &slot.integer;
  bind.length = &slot.length;
  bind.is_null = &slot.is_null;
  switch (kind) {
    case ValueKind::boolean:
    case ValueKind::integer:
      bind.buffer_type = MYSQL_TYPE_LONGLONG;
      bind.is_unsigned = (field.flags & UNSIGNED_FLAG) != 0;
      return;
    case ValueKind::real:
      bind.buffer_type = field.type == MYSQL_TYPE_FLOAT ? MYSQL_TYPE_FLOAT : MYSQL_TYPE_DOUBLE;
      return;
    case ValueKind::timestamp: bind.buffer_type = field.type; return;
    default:
      // Only the length: the characters go straight to where they stay.
      bind.buffer_type = MYSQL_TYPE_STRING;
      bind.buffer = nullptr;
      bind.buffer_length = 0;
      return;
  }
}

/// What the server said last about the columns of `statement`: null when it said nothing new.
/// libmariadb takes over their types from there, and not their names.
const MYSQL_FIELD* new_fields(MYSQL_STMT* statement, unsigned int count) {
  const MYSQL* connection = statement->mysql;
  return connection->field_count == count ? connection->fields : nullptr;
}

}  // namespace

void MariadbResult::take_columns(const MYSQL_FIELD* fields, unsigned int count) {
  for (unsigned int i = 0; i < count; ++i) {
    Column column;
    column.name.assign(fields[i].name, fields[i].name_length);
    column.kind = kind_of(fields[i]);
    column.is_unsigned = (fields[i].flags & UNSIGNED_FLAG) != 0;
    columns_.push_back(std::move(column));
  }
}

MariadbResult::MariadbResult(MYSQL_STMT* statement, bool changes_rows) {
  const unsigned int count = mysql_stmt_field_count(statement);
  const MYSQL_FIELD* fields = mariadb_stmt_fetch_fields(statement);
  take_columns(fields, count);
  if (const MYSQL_FIELD* now = new_fields(statement, count)) {
    for (unsigned int i = 0; i < count; ++i) {
      const std::string_view name(now[i].name, now[i].name_length);
      renamed_ = renamed_ || columns_[i].name != name;
      columns_[i].name = name;
    }
  }
  rows_ = mysql_stmt_num_rows(statement);
  if (changes_rows) affected_rows_ = rows_;
  cells_.reserve(rows_ * count);
  if (rows_ == 0) return;

  std::vector<Slot> slots(count);
  std::vector<MYSQL_BIND> binds(count);
  for (unsigned int i = 0; i < count; ++i) {
    bind_slot(binds[i], slots[i], fields[i], columns_[i].kind);
  }
  if (mysql_stmt_bind_result(statement, binds.data()) != 0) throw std::bad_alloc();
  for (std::size_t row = 0; row < rows_; ++row) {
    const int fetched = mysql_stmt_fetch(statement);
    // Truncation is what the empty buffers ask for.
    if (fetched != 0 && fetched != MYSQL_DATA_TRUNCATED) throw std::bad_alloc();
    for (unsigned int i = 0; i < count; ++i) {
      const Slot& slot = slots[i];
      if (slot.is_null != 0) {
        cells_.emplace_back();
        continue;
      }
      switch (columns_[i].kind) {
        case ValueKind::boolean: cells_.push_back(ValueView::boolean(slot.integer != 0)); break;
        case ValueKind::integer: add_integer(slot.integer, columns_[i].is_unsigned); break;
        case ValueKind::real:
          cells_.push_back(ValueView::real(
              fields[i].type == MYSQL_TYPE_FLOAT ? static_cast<double>(slot.single) : slot.real));
          break;
        case ValueKind::timestamp: add_time(slot.time); break;
        default: {
          MYSQL_BIND whole{};
          unsigned long length = slot.length;
          my_bool is_null = 0;
          whole.buffer_type = MYSQL_TYPE_STRING;
          whole.buffer = allocate(slot.length);
          whole.buffer_length = slot.length;
          whole.length = &length;
          whole.is_null = &is_null;
          if (slot.length > 0 && mysql_stmt_fetch_column(statement, &whole, i, 0) != 0) {
            throw std::bad_alloc();
          }
          cells_.push_back(
              keep(columns_[i].kind, {static_cast<const char*>(whole.buffer), slot.length}));
        }
      }
    }
  }
}

MariadbResult::MariadbResult(MYSQL_RES* rows, bool changes_rows) {
  const unsigned int count = mysql_num_fields(rows);
  take_columns(mysql_fetch_fields(rows), count);
  rows_ = mysql_num_rows(rows);
  if (changes_rows) affected_rows_ = rows_;
  cells_.reserve(rows_ * count);
  while (MYSQL_ROW row = mysql_fetch_row(rows)) {
    const unsigned long* lengths = mysql_fetch_lengths(rows);
    for (unsigned int i = 0; i < count; ++i) {
      if (row[i] == nullptr) {
        cells_.emplace_back();
      } else {
        add_text(columns_[i], {row[i], lengths[i]});
      }
    }
  }
}

char* MariadbResult::allocate(std::size_t size) {
  if (size > free_bytes_) {
    const std::size_t block = std::max(size, next_block_);
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
    default: return ValueView::text(characters);
  }
}

void MariadbResult::add_integer(std::int64_t bits, bool is_unsigned) {
  if (!is_unsigned || bits >= 0) {
    cells_.push_back(ValueView::integer(bits));
    return;
  }
  // Beyond int64: exact as text, rather than wrong as a number.
  const fmt::format_int digits(static_cast<std::uint64_t>(bits));
  char* const room = allocate(digits.size());
  std::memcpy(room, digits.data(), digits.size());
  cells_.push_back(ValueView::text({room, digits.size()}));
}

void MariadbResult::add_time(const MYSQL_TIME& time) {
  const auto at = timestamp_from(time);
  if (!at) return add_unreadable();
  cells_.push_back(ValueView::timestamp(*at));
}

void MariadbResult::add_unreadable() {
  unreadable_.insert(cells_.size());
  cells_.emplace_back();
}

void MariadbResult::add_text(const Column& column, std::string_view text) {
  switch (column.kind) {
    case ValueKind::boolean: cells_.push_back(ValueView::boolean(text != "0")); return;
    case ValueKind::integer: {
      const auto number = parse<std::int64_t>(text);
      const auto large = number ? std::nullopt : parse<std::uint64_t>(text);
      if (!number && !large) return add_unreadable();
      add_integer(number ? *number : static_cast<std::int64_t>(*large), column.is_unsigned);
      return;
    }
    case ValueKind::real: {
      const auto number = parse<double>(text);
      if (!number) return add_unreadable();
      cells_.push_back(ValueView::real(*number));
      return;
    }
    case ValueKind::timestamp: {
      const auto time = parse_timestamp(text);
      if (!time) return add_unreadable();
      cells_.push_back(ValueView::timestamp(*time));
      return;
    }
    default: {
      char* const room = allocate(text.size());
      if (!text.empty()) std::memcpy(room, text.data(), text.size());
      cells_.push_back(keep(column.kind, {room, text.size()}));
    }
  }
}

std::size_t MariadbResult::row_count() const noexcept { return rows_; }

std::size_t MariadbResult::column_count() const noexcept { return columns_.size(); }

std::string_view MariadbResult::column_name(std::size_t column) const noexcept {
  return columns_[column].name;
}

ValueView MariadbResult::cell(std::size_t row, std::size_t column) const {
  const std::size_t index = row * columns_.size() + column;
  if (!unreadable_.empty() && unreadable_.contains(index)) {
    const auto& named = columns_[column];
    throw_error(Errc::invalid_argument,
                fmt::format("column \"{}\": {}", named.name,
                            named.kind == ValueKind::timestamp
                                ? "a zero date, or another that is no day of the calendar"
                                : "the server's text is not what the column's type says"));
  }
  return cells_[index];
}

std::uint64_t MariadbResult::affected_rows() const noexcept { return affected_rows_; }

}  // namespace grant::mariadb
