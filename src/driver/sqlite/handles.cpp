#include "handles.hpp"

#include <cstdint>
#include <map>

#include "grant/core/mutex.hpp"

namespace grant::sqlite {
namespace {

/// Closes what SQLite has of a file, without a word to other processes: locks belong to the one
/// that took them, so the parent keeps its own.
void give_up(sqlite3* database, const char* name) noexcept {
  sqlite3_file* file = nullptr;
  const int code = sqlite3_file_control(database, name, SQLITE_FCNTL_FILE_POINTER, &file);
  if (code != SQLITE_OK || file == nullptr || file->pMethods == nullptr) return;
  if (file->pMethods->iVersion >= 2 && file->pMethods->xShmUnmap != nullptr) {
    file->pMethods->xShmUnmap(file, 0);
  }
  file->pMethods->xClose(file);
}

/// All handles, with the number of forks before each was opened. Inherited ones stay for ever.
class Handles {
 public:
  void add(sqlite3* database) {
    const Lock lock(mutex_);
    opened_[database] = grant::detail::forks();
  }

  void remove(sqlite3* database) noexcept {
    const Lock lock(mutex_);
    opened_.erase(database);
  }

  [[nodiscard]] bool is_inherited(sqlite3* database) const noexcept {
    const Lock lock(mutex_);
    const auto found = opened_.find(database);
    return found != opened_.end() && found->second != grant::detail::forks();
  }

  void give_up_inherited() noexcept {
    const Lock lock(mutex_);
    const auto forks = grant::detail::forks();
    if (given_up_ == forks) return;
    given_up_ = forks;
    for (auto& [database, opened] : opened_) {
      if (opened == forks || opened == kGivenUp) continue;
      opened = kGivenUp;
#if SQLITE_VERSION_NUMBER >= 3039000
      for (int i = 0; const char* name = sqlite3_db_name(database, i); ++i) {
        constexpr int temporary = 1;
        if (i != temporary) give_up(database, name);
      }
#else
      give_up(database, "main");
#endif
    }
  }

 private:
  static constexpr auto kGivenUp = static_cast<std::uint64_t>(-1);

  mutable Mutex mutex_;
  std::map<sqlite3*, std::uint64_t> opened_ GRANT_GUARDED_BY(mutex_);
  std::uint64_t given_up_ GRANT_GUARDED_BY(mutex_) = 0;
  const grant::detail::HeldOverForks held_{mutex_};
};

Handles& handles() {
  // Never destroyed: connections may be closed while the process ends.
  static auto& all = *new Handles;
  return all;
}

}  // namespace

grant::detail::LibraryGate& gate() noexcept {
  static auto& instance = *new grant::detail::LibraryGate;
  return instance;
}

void remember(sqlite3* database) { handles().add(database); }

bool is_inherited(const sqlite3* database) noexcept {
  return grant::detail::forks() > 0 && handles().is_inherited(const_cast<sqlite3*>(database));
}

void give_up_inherited() noexcept {
  if (grant::detail::forks() > 0) handles().give_up_inherited();
}

void CloseDatabase::operator()(sqlite3* database) const noexcept {
  if (is_inherited(database)) return;
  handles().remove(database);
  const grant::detail::LibraryGate::Inside inside(gate());
  sqlite3_close_v2(database);
}

}  // namespace grant::sqlite
