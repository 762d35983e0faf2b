#include "grant/session/session.hpp"

#include <fmt/format.h>

#include "session_state.hpp"

namespace grant {

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
