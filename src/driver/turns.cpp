#include "driver/turns.hpp"

#include <algorithm>
#include <map>

#include "core/per_process.hpp"
#include "grant/io/runtime.hpp"

namespace grant::driver {
namespace {

class Servers {
 public:
  std::shared_ptr<Turns> at(const std::string& server) {
    const Lock lock(mutex_);
    std::erase_if(known_, [](const auto& each) { return each.second.expired(); });
    auto& known = known_[server];
    auto turns = known.lock();
    if (!turns) known = turns = std::make_shared<Turns>();
    return turns;
  }

 private:
  Mutex mutex_;
  std::map<std::string, std::weak_ptr<Turns>> known_ GRANT_GUARDED_BY(mutex_);
};

constinit grant::detail::PerProcess<Servers> servers;

}  // namespace

std::shared_ptr<Turns> Turns::at(const std::string& server) { return servers.get().at(server); }

TimePoint Turns::given_up_at() const noexcept { return after(due_, kSlack); }

Turns::Turn Turns::take(TimePoint deadline) {
  const Lock lock(mutex_);
  while (taken_) {
    const auto until = std::min(deadline, given_up_at());
    // It blocks its thread, by the time that threads wait by.
    if (until <= io::system_runtime().now()) return Turn(nullptr);
    ended_.wait_until(mutex_, until);
  }
  taken_ = true;
  due_ = deadline;
  return Turn(this);
}

std::optional<TimePoint> Turns::overdue_since(TimePoint now) const {
  const Lock lock(mutex_);
  if (!taken_ || now < given_up_at()) return std::nullopt;
  return due_;
}

void Turns::end() noexcept {
  {
    const Lock lock(mutex_);
    taken_ = false;
  }
  ended_.notify_all();  // the one that it would be may have given up just now
}

}  // namespace grant::driver
