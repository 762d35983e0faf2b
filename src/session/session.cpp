#include "grant/session/session.hpp"

#include <fmt/format.h>

#include <array>
#include <atomic>
#include <cstddef>

#include "core/fork.hpp"
#include "session_state.hpp"

namespace grant {
namespace {

/// On a cache line of its own.
struct alignas(64) SessionMutex {
  Mutex mutex;
  detail::HeldOverForks held{mutex};
};

}  // namespace

Mutex& detail::mutex_for_session() noexcept {
  constexpr std::size_t count = 32;  // a fork locks them all, and ThreadSanitizer takes 64 at once
  static auto& all = *new std::array<SessionMutex, count>;
  static std::atomic<std::size_t> turn = 0;
  return all[turn.fetch_add(1, std::memory_order_relaxed) % count].mutex;
}

std::shared_ptr<detail::SessionState> detail::session_of(const ContextFrame* context) {
  if (context == nullptr) context = current_context().get();
  while (!context->session) context = context->outer.get();
  return context->session;
}

std::string Served::summary() const { return fmt::format("{} ({})", node, to_string(reason)); }

Session::Session() : Session(std::shared_ptr<Registry>()) {}

Session::Session(std::shared_ptr<Registry> registry)
    : state_(std::make_shared<detail::SessionState>(std::move(registry))) {}

detail::ContextFrame Session::frame() const {
  detail::ContextFrame frame;
  frame.session = state_;
  return frame;
}

void Session::stick_to_primary(std::string_view database, std::chrono::milliseconds period) const {
  const auto registry = state_->registry();
  static_cast<void>(registry->shards(database));  // refuses a database that does not exist
  state_->stick_database(database, after(registry->clock().now(), period));
}

std::optional<Served> Session::last_served() const { return state_->last_served(); }

Session Session::current() { return Session(detail::session_of(detail::current_context().get())); }

std::optional<Served> last_served() { return Session::current().last_served(); }

}  // namespace grant
