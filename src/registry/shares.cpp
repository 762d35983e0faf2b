#include "shares.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <utility>
#include <vector>

#include "core/fork.hpp"
#include "grant/core/mutex.hpp"

namespace grant::detail {
namespace {

/// What one thread keeps. Its flag is taken by the thread itself, and by who has all threads let
/// something go, which is rare: so it is nearly always free, and in the thread's cache.
class Shares {
 public:
  struct Kept {
    std::uint64_t registry = 0;
    std::uint64_t version = 0;
    std::shared_ptr<const Found> found{};
  };

  /// While it lives, the shares are the calling thread's alone.
  class Use {
   public:
    explicit Use(Shares& shares) noexcept : shares_(shares) {
      while (shares_.in_use_.exchange(true, std::memory_order_acquire)) {
      }
    }
    Use(const Use&) = delete;
    Use& operator=(const Use&) = delete;
    ~Use() { shares_.in_use_.store(false, std::memory_order_release); }

    [[nodiscard]] Kept& at(std::size_t place) const noexcept { return shares_.kept_[place]; }

   private:
    Shares& shares_;
  };

  static constexpr std::size_t kPlaces = 32;

 private:
  std::atomic<bool> in_use_ = false;
  std::array<Kept, kPlaces> kept_;
};

/// The shares of all threads.
class AllShares {
 public:
  void add(const std::shared_ptr<Shares>& shares) {
    const Lock lock(mutex_);
    std::erase_if(all_, [](const auto& known) { return known.expired(); });
    all_.push_back(shares);
  }

  AllShares()
      : renewed_(this, [](void* self) { static_cast<AllShares*>(self)->renew_in_child(); }) {}

  std::vector<std::shared_ptr<Shares>> living() {
    std::vector<std::shared_ptr<Shares>> living;
    const Lock lock(mutex_);
    for (const auto& known : all_) {
      if (auto shares = known.lock()) living.push_back(std::move(shares));
    }
    return living;
  }

 private:
  void renew_in_child();

  Mutex mutex_;
  std::vector<std::weak_ptr<Shares>> all_ GRANT_GUARDED_BY(mutex_);
  const HeldOverForks held_{mutex_};
  const RenewedInChildren renewed_;
};

AllShares& all_shares() {
  static auto& all = *new AllShares;
  return all;
}

// Not objects with destructors: those of the thread's other objects, and of static ones, may still
// run queries when these would have gone.
constinit thread_local Shares* shares_of_thread = nullptr;

struct FreeShares {
  std::shared_ptr<Shares> owned;
  ~FreeShares() { shares_of_thread = nullptr; }
};

/// Those of threads that are not there any more are left as they are: one may have been in use.
void AllShares::renew_in_child() {
  static auto& left_alone = *new std::vector<std::shared_ptr<Shares>>;
  for (auto& shares : living()) {
    if (shares.get() != shares_of_thread) left_alone.push_back(std::move(shares));
  }
  const Lock lock(mutex_);
  std::erase_if(all_, [](const auto& known) {
    const auto shares = known.lock();
    return shares.get() != shares_of_thread;
  });
}

/// Null: the thread's objects are being destroyed, and it keeps nothing any more.
Shares* this_threads_shares() {
  if (shares_of_thread == nullptr) {
    thread_local FreeShares free_at_end;
    thread_local bool made = false;
    if (std::exchange(made, true)) return nullptr;
    free_at_end.owned = std::make_shared<Shares>();
    all_shares().add(free_at_end.owned);
    shares_of_thread = free_at_end.owned.get();
  }
  return shares_of_thread;
}

std::size_t place_of(std::uint64_t registry, std::string_view database,
                     std::string_view shard) noexcept {
  // Names differ in their ends and lengths.
  std::uint64_t hash = registry * 31 + database.size();
  if (!database.empty()) hash = hash * 31 + static_cast<unsigned char>(database.back());
  hash = hash * 31 + shard.size();
  for (const char c : shard.substr(shard.size() - std::min<std::size_t>(shard.size(), 2))) {
    hash = hash * 31 + static_cast<unsigned char>(c);
  }
  return hash % Shares::kPlaces;
}

/// Whether it still says where the statements of this database and shard go.
bool holds(const Found& found, std::string_view database, std::string_view shard) noexcept {
  return found.cluster->database() == database && found.cluster->shard() == shard &&
         found.table->version == found.cluster->topology().version();
}

/// Made anew for each thread, and so counted apart.
std::shared_ptr<const Found> find_slowly(const Registry& registry, std::string_view database,
                                         std::string_view shard) {
  auto found = std::make_shared<Found>();
  found->generation = generation_of(registry);
  found->cluster = found->generation->cluster(database, shard).get();
  found->table = found->cluster->topology().table();
  return found;
}

}  // namespace

std::shared_ptr<const Found> find_cluster(const Registry& registry, std::string_view database,
                                          std::string_view shard) {
  auto* const shares = this_threads_shares();
  const auto id = id_of(registry);
  const auto place = place_of(id, database, shard);
  const auto version = version_of(registry);
  if (shares != nullptr) {
    const Shares::Use use(*shares);
    const auto& kept = use.at(place);
    if (kept.registry == id && kept.version == version && holds(*kept.found, database, shard))
        [[likely]] {
      return kept.found;
    }
  }
  auto found = find_slowly(registry, database, shard);
  if (shares == nullptr) return found;
  Shares::Kept kept{id, version, found};
  {
    const Shares::Use use(*shares);
    std::swap(use.at(place), kept);
  }
  // What was there goes here, outside.
  if (version_of(registry) != version) forget_shares(id);  // it may have missed this one
  return found;
}

void forget_shares(std::uint64_t registry) noexcept {
  for (const auto& shares : all_shares().living()) {
    for (std::size_t place = 0; place < Shares::kPlaces; ++place) {
      Shares::Kept let_go;
      const Shares::Use use(*shares);
      if (use.at(place).registry == registry) std::swap(use.at(place), let_go);
    }
  }
}

}  // namespace grant::detail
