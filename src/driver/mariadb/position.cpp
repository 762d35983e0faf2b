// Where the log stands after a write, which the server tells with its answer.
#include "position.hpp"

#include <fmt/format.h>

#include <exception>
#include <utility>

#include "connection.hpp"
#include "driver/shape.hpp"

namespace grant::mariadb {

Epoch epoch_of(std::uint32_t domain) { return {fmt::format("gtid domain {}", domain), 0}; }

// Answers with rows do not tell.
Task<void> MariadbConnection::ask_position(io::Call call) {
  try {
    const auto answer =
        co_await run_simple(call, "SELECT @@session.last_gtid", Effect::read, AtDeadline::close);
    driver::check_shape(answer->row_count(), answer->column_count(), node_, 1, 1);
    const auto cell = answer->cell(0, 0);
    position_ = cell.has_characters() ? cell.as_characters() : std::string_view();
    position_told_ = true;
  } catch (const std::exception&) {
    // It stays unknown.
  }
}

std::optional<Position> MariadbConnection::last_position() const {
  if (!position_told_) return std::nullopt;
  auto told = GtidSet::parse(position_);
  if (!told) return std::nullopt;
  auto epoch = epoch_of(told->last().front().domain);
  return Position{std::move(epoch), *std::move(told)};
}

}  // namespace grant::mariadb
