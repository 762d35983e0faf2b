#include "grant/session/session.hpp"

#include <fmt/format.h>

#include "session_state.hpp"

namespace grant {
detail::SessionState& detail::session_of(const ContextFrame& context) {
  const auto* frame = &context;
  while (!frame->session) frame = frame->outer.get();
  return *frame->session;
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

Context Session::context() const {
  return Context(std::make_shared<const detail::ContextFrame>(frame()));
}

void Session::stick_to_primary(std::string_view database, std::chrono::milliseconds period) const {
  const auto& registry = state_->registry();
  const auto shards = registry.shards(database);  // refuses a database that does not exist
  const auto cluster = registry.cluster(database, shards.front());
  state_->stick_database(*cluster, after(cluster->clock().now(), period));
}

std::optional<Served> Session::last_served() const { return state_->last_served(); }

Session Session::of(const detail::Scope& scope) {
  const auto* frame = scope.context.get();
  while (!frame->session) frame = frame->outer.get();
  return Session(frame->session);
}

std::optional<Served> last_served() { return Session::current().last_served(); }

}  // namespace grant
