#include "grant/session/context.hpp"

#include <algorithm>
#include <utility>

#include "grant/io/waiter.hpp"
#include "session_state.hpp"

namespace grant::detail {
namespace {

/// The outermost level: the thread's own session, so that a query takes along whose it is.
ContextPtr outermost() {
  ContextFrame frame;
  frame.session = std::make_shared<SessionState>(nullptr);
  return std::make_shared<const ContextFrame>(std::move(frame));
}

/// Not an object with a destructor: those of the thread's other objects, and of static ones, may
/// still run queries when this would have gone.
constinit thread_local ContextPtr* context_of_thread = nullptr;

struct FreeContext {
  ~FreeContext() { delete std::exchange(context_of_thread, nullptr); }
};

ContextPtr& current() {
  if (context_of_thread == nullptr) {
    thread_local const FreeContext free_at_end;
    static_cast<void>(&free_at_end);
    context_of_thread =
        new ContextPtr(outermost());  // after the end of the thread's objects: rather a leak
  }
  return *context_of_thread;
}

ContextFrame frame_of(std::string_view only_for, ConnectedTo change) {
  ContextFrame frame;
  frame.only_for = only_for;
  frame.database = std::move(change.database);
  frame.role = change.role;
  frame.shard = std::move(change.shard);
  frame.prevent_writes = change.prevent_writes;
  if (change.timeout) frame.deadline = after(io::blocking_waiter().now(), *change.timeout);
  return frame;
}

}  // namespace

Target resolve(const ContextFrame* context, std::string_view database) {
  Target target;
  target.database = database;
  bool database_given = false;
  bool shard_given = false;
  for (const auto* frame = context; frame != nullptr; frame = frame->outer.get()) {
    if (!frame->only_for.empty() && frame->only_for != database) continue;
    if (!frame->shard.empty() && !shard_given && !database_given) {
      target.shard = frame->shard;
      shard_given = true;
    }
    if (!frame->database.empty() && !database_given) {
      target.database = frame->database;
      database_given = true;
    }
    if (!target.role) target.role = frame->role;
    target.prevent_writes = target.prevent_writes || frame->prevent_writes;
    target.deadline = std::min(target.deadline, frame->deadline);
  }
  return target;
}

const ContextPtr& current_context() noexcept { return current(); }

ContextScope::ContextScope(ContextPtr context)
    : before_(std::exchange(current(), std::move(context))) {}

ContextScope::ContextScope(ContextFrame frame) {
  frame.outer = current();
  before_ = std::exchange(current(), std::make_shared<const ContextFrame>(std::move(frame)));
}

ContextScope::ContextScope(std::string_view only_for, ConnectedTo change)
    : ContextScope(frame_of(only_for, std::move(change))) {}

ContextScope::~ContextScope() { current() = std::move(before_); }

}  // namespace grant::detail

namespace grant {

Context Context::connected_to(ConnectedTo to) const {
  auto frame = detail::frame_of("", std::move(to));
  frame.outer = frames_;
  return Context(std::make_shared<const detail::ContextFrame>(std::move(frame)));
}

Context Context::preventing_writes() const {
  ConnectedTo to;
  to.prevent_writes = true;
  return connected_to(std::move(to));
}

}  // namespace grant
