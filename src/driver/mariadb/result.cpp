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

/// Empty for a zero date, which stands for no day.
std::optional<Timestamp> timestamp_from(const MYSQL_TIME& time) {
  using namespace std::chrono;
  const year_month_day date(year(static_cast<int>(time.year)), month(time.month), day(time.day));
  if (!date.ok()) return std::nullopt;
  return sys_days(date) + hours(time.hour) + minutes(time.minute) + seconds(time.second) +
         microseconds(time.second_part);
}

/// Empty for what is no time of one day.
std::optional<TimeOfDay> time_from(const MYSQL_TIME& time) {
  using namespace std::chrono;
  const TimeOfDay of_day{days(time.day) + hours(time.hour) + minutes(time.minute) +
                         seconds(time.second) + microseconds(time.second_part)};
  if (time.neg != 0 || of_day.since_midnight > hours(24)) return std::nullopt;
  return of_day;
}

std::optional<Date> date_from(const MYSQL_TIME& time) {
  using namespace std::chrono;
  const year_month_day date(year(static_cast<int>(time.year)), month(time.month), day(time.day));
  return date.ok() ? std::optional<Date>(sys_days(date)) : std::nullopt;
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

void MariadbResult::take_names(const MYSQL_FIELD* fields) {
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    const std::string_view name(fields[i].name, fields[i].name_length);
    renamed_ = renamed_ || columns_[i].name != name;
    columns_[i].name = name;
  }
}

MariadbResult::MariadbResult(MYSQL_STMT* statement) {
  const unsigned int count = mysql_stmt_field_count(statement);
  take_columns(mariadb_stmt_fetch_fields(statement), count);
  if (const MYSQL_FIELD* now = new_fields(statement, count)) take_names(now);
}

MariadbResult::MariadbResult(MYSQL_STMT* statement, bool changes_rows) : MariadbResult(statement) {
  const std::size_t rows = mysql_stmt_num_rows(statement);
  if (changes_rows) affected_rows_ = rows;
  cells_.reserve(rows * columns_.size());
  if (rows == 0) return;
  RowReader reader(statement, *this);
  while (rows_ < rows) {
    const int fetched = mysql_stmt_fetch(statement);
    // Truncation is what the empty buffers ask for.
    if (fetched != 0 && fetched != MYSQL_DATA_TRUNCATED) throw std::bad_alloc();
    reader.add();
  }
}

RowReader::RowReader(MYSQL_STMT* statement, MariadbResult& into)
    : statement_(statement), into_(into), slots_(into.columns_.size()) {
  const MYSQL_FIELD* fields = mariadb_stmt_fetch_fields(statement);
  std::vector<MYSQL_BIND> binds(slots_.size());
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    slots_[i].type = fields[i].type;
    bind(binds[i], slots_[i], into.columns_[i]);
  }
  if (mysql_stmt_bind_result(statement, binds.data()) != 0) throw std::bad_alloc();
}

void RowReader::bind(MYSQL_BIND& bind, Slot& slot, const MariadbResult::Column& column) {
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
      bind.buffer_type = slot.type == MYSQL_TYPE_FLOAT ? MYSQL_TYPE_FLOAT : MYSQL_TYPE_DOUBLE;
      return;
    case ValueKind::date:
    case ValueKind::time:
    case ValueKind::timestamp: bind.buffer_type = slot.type; return;
    default:
      // As much as fits here; the rest of a longer one goes straight to where it stays.
      bind.buffer_type = MYSQL_TYPE_STRING;
      bind.buffer = slot.characters.data();
      bind.buffer_length = slot.characters.size();
      return;
  }
}

void RowReader::add() {
  ++into_.rows_;
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    const Slot& slot = slots_[i];
    const auto kind = into_.columns_[i].kind;
    if (slot.is_null != 0) {
      into_.cells_.emplace_back();
      continue;
    }
    switch (kind) {
      case ValueKind::boolean: into_.cells_.push_back(ValueView::boolean(slot.integer != 0)); break;
      case ValueKind::integer:
        into_.add_integer(slot.integer, into_.columns_[i].is_unsigned);
        break;
      case ValueKind::real:
        into_.cells_.push_back(ValueView::real(
            slot.type == MYSQL_TYPE_FLOAT ? static_cast<double>(slot.single) : slot.real));
        break;
      case ValueKind::date: into_.add(date_from(slot.time), ValueView::date); break;
      case ValueKind::time: into_.add(time_from(slot.time), ValueView::time); break;
      case ValueKind::timestamp: into_.add(timestamp_from(slot.time), ValueView::timestamp); break;
      default: add_characters(i, kind); break;
    }
  }
}

void RowReader::add_characters(std::size_t column, ValueKind kind) {
  const Slot& slot = slots_[column];
  if (kind == ValueKind::uuid && slot.length <= slot.characters.size()) {
    into_.add_uuid({slot.characters.data(), slot.length});
    return;
  }
  char* const room = into_.allocate(slot.length);
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
  into_.cells_.push_back(MariadbResult::keep(kind, {room, slot.length}));
}

void MariadbResult::clear_rows() noexcept {
  rows_ = 0;
  cells_.clear();
  unreadable_.clear();
  // One block, the largest, is enough for most chunks that follow.
  if (blocks_.size() > 1) blocks_.erase(blocks_.begin(), std::prev(blocks_.end()));
  free_ = blocks_.empty() ? nullptr : blocks_.back().get();
  free_bytes_ = blocks_.empty() ? 0 : last_block_;
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

void MariadbResult::add_integer(std::int64_t bits, bool is_unsigned) {
  cells_.push_back(is_unsigned ? ValueView::unsigned_integer(static_cast<std::uint64_t>(bits))
                               : ValueView::integer(bits));
}

void MariadbResult::add_uuid(std::string_view text) {
  const auto uuid = Uuid::parse(text);
  if (!uuid) return add_unreadable();
  char* const room = allocate(Uuid::kSize);
  std::memcpy(room, uuid->bytes.data(), Uuid::kSize);
  cells_.push_back(ValueView::uuid(std::string_view(room, Uuid::kSize)));
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
    case ValueKind::date: add(parse_date(text), ValueView::date); return;
    case ValueKind::time: add(parse_time(text), ValueView::time); return;
    case ValueKind::timestamp: add(parse_timestamp(text), ValueView::timestamp); return;
    case ValueKind::uuid: add_uuid(text); return;
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
                fmt::format("column \"{}\": {}", named.name, why_unreadable(named.kind)));
  }
  return cells_[index];
}

std::uint64_t MariadbResult::affected_rows() const noexcept { return affected_rows_; }

}  // namespace grant::mariadb
