#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "grant/cluster/route.hpp"
#include "grant/session/context.hpp"

namespace grant {

class Registry;

/// Who served a statement, and why.
struct Served {
  std::string node{};
  RouteReason reason{};

  /// `primary/reader-1 (replica)`.
  [[nodiscard]] std::string summary() const;
};

/// Whose reads and writes belong together: a request, a user, a job. A session that has written
/// reads its own writes; sessions know nothing of each other. Copies are the same session.
/// Thread-safe.
///
/// Threads that run outside of any session have one of their own.
class Session {
 public:
  /// A session on the databases that establish_connections() set up.
  Session();

  /// A session on databases of its own.
  explicit Session(std::shared_ptr<Registry> registry);

  /// Runs `function` in this session, on the calling thread, and returns its result.
  template <class Function>
  decltype(auto) run(Function&& function) const {
    const detail::ContextScope scope(frame());
    return std::forward<Function>(function)();
  }

  /// This session as a context to hand to queries: nothing of the calling thread's is in it.
  [[nodiscard]] Context context() const;
  operator Context() const { return context(); }  // NOLINT(google-explicit-constructor)

  /// Reads of `database` go to the primary for `period` from now, on all its shards.
  void stick_to_primary(std::string_view database, std::chrono::milliseconds period) const;

  /// Which node served this session's last statement; empty before the first.
  [[nodiscard]] std::optional<Served> last_served() const;

  /// The calling thread's session.
  [[nodiscard]] static Session current() { return of(detail::Scope::here()); }

  /// The one that this is made in.
  [[nodiscard]] static Session of(const detail::Scope& scope);

 private:
  explicit Session(std::shared_ptr<detail::SessionState> state) noexcept
      : state_(std::move(state)) {}

  [[nodiscard]] detail::ContextFrame frame() const;

  std::shared_ptr<detail::SessionState> state_;
};

/// Which node served the last statement of the calling thread's session; empty before the first.
[[nodiscard]] std::optional<Served> last_served();

}  // namespace grant
