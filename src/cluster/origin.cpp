#include "grant/cluster/origin.hpp"

#include <map>
#include <memory>
#include <tuple>

#include "core/fork.hpp"
#include "grant/core/mutex.hpp"

namespace grant {
namespace {

class Origins {
 public:
  const Origin& find(std::string_view database, std::string_view shard, std::uint64_t lineage) {
    const Lock lock(mutex_);
    auto& slot = all_[{std::string(database), std::string(shard), lineage}];
    if (!slot) {
      slot = std::make_unique<Origin>(Origin{std::string(database), std::string(shard), lineage});
    }
    return *slot;
  }

 private:
  Mutex mutex_;
  std::map<std::tuple<std::string, std::string, std::uint64_t>, std::unique_ptr<Origin>> all_
      GRANT_GUARDED_BY(mutex_);
  const detail::HeldOverForks held_{mutex_};
};

}  // namespace

const Origin& Origin::of(std::string_view database, std::string_view shard, std::uint64_t lineage) {
  // Never destroyed: records may be looked at while the process ends.
  static auto& origins = *new Origins;
  return origins.find(database, shard, lineage);
}

}  // namespace grant
