#include "grant/core/interned.hpp"

#include <map>
#include <memory>
#include <utility>

#include "core/fork.hpp"
#include "grant/core/mutex.hpp"

namespace grant {
namespace {

class Names {
 public:
  const std::string& find(std::string_view text) {
    const Lock lock(mutex_);
    const auto known = all_.find(text);
    if (known != all_.end()) return known->second->text;
    auto kept = std::make_unique<Kept>(Kept{std::string(text)});
    const auto& name = kept->text;
    all_.emplace(name, std::move(kept));
    return name;
  }

 private:
  struct alignas(kInternedAlignment) Kept {
    std::string text;
  };

  Mutex mutex_;
  std::map<std::string_view, std::unique_ptr<Kept>> all_ GRANT_GUARDED_BY(mutex_);
  const detail::HeldOverForks held_{mutex_};
};

}  // namespace

const std::string& interned(std::string_view text) {
  static auto& names = *new Names;
  return names.find(text);
}

}  // namespace grant
