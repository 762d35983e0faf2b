#include "grant/driver/connection.hpp"

#include <utility>

#include "driver/failures.hpp"
#include "grant/core/error.hpp"

namespace grant {
namespace {

/// All rows as one chunk.
class WholeResult final : public RowStream {
 public:
  explicit WholeResult(std::unique_ptr<Result> rows) noexcept : rows_(std::move(rows)) {}

  Task<const Result*> next(io::Call /*call*/) override {
    const bool given = std::exchange(given_, true);
    co_return given || rows_->row_count() == 0 ? nullptr : rows_.get();
  }

  Task<void> close(io::Call /*call*/) override {
    given_ = true;
    co_return;
  }

 private:
  std::unique_ptr<Result> rows_;
  bool given_ = false;
};

}  // namespace

Task<std::unique_ptr<RowStream>> Connection::stream(io::Call call, Statement statement,
                                                    StreamOptions /*options*/) {
  co_return std::make_unique<WholeResult>(co_await execute(call, statement));
}

Task<std::vector<Answer>> Connection::pipeline(io::Call call,
                                               std::span<const Statement> statements) {
  std::vector<Answer> answers(statements.size());
  const bool inside = transaction_state() != TransactionState::none;
  for (std::size_t i = 0; i < statements.size(); ++i) {
    if (inside && ended_underneath() != TransactionEnd::none) {
      answers[i].error = failures::at({}, Errc::invalid_argument,
                                      "nothing was executed: a statement before it has ended the "
                                      "transaction");
      continue;
    }
    try {
      answers[i].result = co_await execute(call, statements[i]);
    } catch (const Error& error) {
      answers[i].error = error.info();
    }
  }
  co_return answers;
}

Task<std::uint64_t> Connection::load(io::Call /*call*/, LoadTarget /*target*/,
                                     RowSource& /*source*/) {
  throw_error(Errc::invalid_argument, "this driver cannot load rows");
  co_return 0;
}

Task<void> Connection::reset(io::Call /*call*/) {
  throw_error(Errc::invalid_argument, "this driver cannot reset a session");
  co_return;
}

std::shared_ptr<Canceller> Connection::canceller() { return nullptr; }

}  // namespace grant
