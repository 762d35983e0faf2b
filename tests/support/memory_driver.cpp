#include "support/memory_driver.hpp"

#include <algorithm>

namespace grant::test {
namespace {

class MemoryResult final : public Result {
 public:
  MemoryResult(std::vector<std::string> columns, std::vector<std::vector<Value>> cells,
               std::uint64_t affected)
      : columns_(std::move(columns)), cells_(std::move(cells)), affected_(affected) {}

  std::size_t row_count() const noexcept override { return cells_.size(); }
  std::size_t column_count() const noexcept override { return columns_.size(); }
  std::string_view column_name(std::size_t column) const noexcept override {
    return columns_[column];
  }
  ValueView cell(std::size_t row, std::size_t column) const override {
    return cells_[row][column].view();
  }
  std::uint64_t affected_rows() const noexcept override { return affected_; }

 private:
  std::vector<std::string> columns_;
  std::vector<std::vector<Value>> cells_;
  std::uint64_t affected_;
};

[[noreturn]] void throw_from(const std::string& node, Errc code, std::string_view what,
                             std::string sqlstate = {}) {
  ErrorInfo info;
  info.code = code;
  info.sqlstate = std::move(sqlstate);
  info.node = node;
  info.message = "node \"" + node + "\": " + std::string(what);
  throw_error(std::move(info));
}

}  // namespace

void Gate::shut() {
  const Lock lock(mutex_);
  shut_ = true;
}

void Gate::open() {
  std::list<std::shared_ptr<io::Signal>> released;
  {
    const Lock lock(mutex_);
    shut_ = false;
    released = held_;
  }
  for (const auto& signal : released) signal->set();
}

std::size_t Gate::held() const {
  const Lock lock(mutex_);
  return held_.size();
}

Task<io::Outcome> Gate::pass(io::Call call) {
  const auto signal = call.waiter().make_signal();
  {
    const Lock lock(mutex_);
    if (!shut_) co_return io::Outcome::ready;
    held_.push_back(signal);
  }
  const auto outcome = co_await call.signalled(*signal);
  const Lock lock(mutex_);
  held_.remove(signal);
  co_return outcome;
}

std::unique_ptr<Result> rows(std::vector<std::string> columns,
                             std::vector<std::vector<Value>> cells, std::uint64_t affected) {
  return std::make_unique<MemoryResult>(std::move(columns), std::move(cells), affected);
}

void MemoryServer::on_statement(Handler handler) {
  const Lock lock(mutex_);
  handler_ = std::move(handler);
}

void MemoryServer::refuse_connects(Errc code, std::size_t count, std::string sqlstate) {
  const Lock lock(mutex_);
  refusal_ = code;
  refusal_sqlstate_ = std::move(sqlstate);
  refusals_ = count;
}

void MemoryServer::accept_connects() { refuse_connects({}, 0); }

void MemoryServer::observe(std::optional<Observation> observation) {
  const Lock lock(mutex_);
  observation_ = std::move(observation);
}

void MemoryServer::lose_connections() { lost_up_to_ = opened(); }

void MemoryServer::break_connections() { broken_up_to_ = opened(); }

std::size_t MemoryServer::attempts() const {
  const Lock lock(mutex_);
  return attempts_;
}

std::size_t MemoryServer::opened() const {
  const Lock lock(mutex_);
  return opened_;
}

std::size_t MemoryServer::closed() const {
  const Lock lock(mutex_);
  return closed_;
}

std::vector<Purpose> MemoryServer::purposes() const {
  const Lock lock(mutex_);
  return purposes_;
}

std::vector<std::string> MemoryServer::statements() const {
  const Lock lock(mutex_);
  return statements_;
}

void MemoryServer::forget_statements() {
  const Lock lock(mutex_);
  statements_.clear();
}

class MemoryConnection::Busy {
 public:
  explicit Busy(MemoryConnection& connection) : connection_(connection) {
    if (connection.busy_.exchange(true)) ++connection.server_->misuses_;
  }
  Busy(const Busy&) = delete;
  Busy& operator=(const Busy&) = delete;
  ~Busy() { connection_.busy_ = false; }

 private:
  MemoryConnection& connection_;
};

MemoryConnection::MemoryConnection(std::shared_ptr<MemoryServer> server, std::string node,
                                   std::size_t id)
    : server_(std::move(server)), node_(std::move(node)), id_(id) {}

MemoryConnection::~MemoryConnection() {
  const Lock lock(server_->mutex_);
  ++server_->closed_;
}

bool MemoryConnection::is_open() const noexcept { return open_ && id_ > server_->broken_up_to_; }

void MemoryConnection::fail(Errc code, std::string_view what) {
  if (code == Errc::unavailable || code == Errc::outcome_unknown || code == Errc::timeout) {
    open_ = false;
  }
  throw_from(node_, code, what);
}

Task<std::unique_ptr<Result>> MemoryConnection::answer(io::Call call, Statement statement) {
  const Busy busy(*this);
  if (!is_open() || id_ <= server_->lost_up_to_) fail(Errc::unavailable, "the connection was lost");
  const auto outcome = co_await server_->answering.pass(call);
  if (outcome != io::Outcome::ready) {
    fail(statement.effect == Effect::write ? Errc::outcome_unknown : Errc::timeout,
         "no answer in time");
  }
  MemoryServer::Handler handler;
  {
    const Lock lock(server_->mutex_);
    server_->statements_.emplace_back(statement.sql);
    handler = server_->handler_;
  }
  std::unique_ptr<Result> result;
  try {
    if (handler) result = handler(statement);
  } catch (const Error& error) {
    if (!error.sqlstate().empty()) throw;
    fail(error.code(), error.what());
  }
  if (!result) result = rows({}, {});
  co_return std::move(result);
}

Task<std::unique_ptr<Result>> MemoryConnection::execute(io::Call call, Statement statement) {
  if (statement.sql.starts_with("SET ")) session_changed_ = true;
  auto result = co_await answer(call, statement);
  if (state_ == TransactionState::none) co_return result;
  if (statement.sql == "COMMIT") ended_ = TransactionEnd::committed;
  if (statement.sql == "ROLLBACK") ended_ = TransactionEnd::rolled_back;
  if (statement.sql == "CALL") ended_ = TransactionEnd::unknown;
  if (ended_ != TransactionEnd::none) state_ = TransactionState::none;
  co_return result;
}

Task<void> MemoryConnection::command(io::Call call, std::string_view sql) {
  Statement statement;
  statement.sql = sql;
  co_await answer(call, statement);
}

Task<void> MemoryConnection::begin(io::Call call, TransactionOptions options) {
  const auto effect = options.effect;
  co_await command(call, effect == Effect::read ? "BEGIN READ ONLY" : "BEGIN");
  state_ = TransactionState::open;
  ended_ = TransactionEnd::none;
}

Task<void> MemoryConnection::commit(io::Call call) {
  state_ = TransactionState::none;
  co_await command(call, "COMMIT");
}

Task<void> MemoryConnection::rollback(io::Call call) {
  co_await command(call, "ROLLBACK");
  state_ = TransactionState::none;
}

Task<void> MemoryConnection::reset(io::Call call) {
  co_await command(call, "RESET");
  session_changed_ = false;
}

Task<Observation> MemoryConnection::probe(io::Call call) {
  const Busy busy(*this);
  const auto outcome = co_await server_->probing.pass(call);
  if (outcome != io::Outcome::ready) fail(Errc::timeout, "no answer to the probe in time");
  if (!is_open() || id_ <= server_->lost_up_to_) fail(Errc::unavailable, "the connection was lost");
  std::optional<Observation> seen;
  {
    const Lock lock(server_->mutex_);
    seen = server_->observation_;
  }
  if (!seen) fail(Errc::unavailable, "nothing is there to be probed");
  co_return *seen;
}

MemoryServer& MemoryDriver::server(const std::string& host) const { return *find(host); }

std::shared_ptr<MemoryServer> MemoryDriver::find(const std::string& host) const {
  const Lock lock(mutex_);
  auto& server = servers_[host];
  if (!server) server = std::make_shared<MemoryServer>();
  return server;
}

void MemoryDriver::validate(const Url& url) const {
  if (!url.params.empty()) {
    throw_error(Errc::configuration, "unknown URL parameter " + url.params.front().first);
  }
}

Task<std::unique_ptr<Connection>> MemoryDriver::connect(io::Call call,
                                                        ConnectOptions options) const {
  const auto server = find(options.url.host);
  {
    const Lock lock(server->mutex_);
    ++server->attempts_;
  }
  const auto outcome = co_await server->connecting.pass(call);
  if (outcome == io::Outcome::cancelled) {
    throw_from(options.node, Errc::cancelled, "connecting was cancelled");
  }
  if (outcome == io::Outcome::timed_out) {
    throw_from(options.node, Errc::unavailable, "no connection in time");
  }
  std::size_t id = 0;
  {
    const Lock lock(server->mutex_);
    if (server->refusals_ > 0) {
      --server->refusals_;
      throw_from(options.node, server->refusal_, "connecting is refused",
                 server->refusal_sqlstate_);
    }
    id = ++server->opened_;
    server->purposes_.push_back(options.purpose);
  }
  co_return std::make_unique<MemoryConnection>(server, options.node, id);
}

Observation observed(NodeKind kind, std::uint64_t position, std::uint64_t branch) {
  Observation observation;
  observation.kind = kind;
  observation.epoch = {"history", branch};
  observation.position = Position{observation.epoch, GtidSet(Gtid{0, 1, position})};
  return observation;
}

}  // namespace grant::test
