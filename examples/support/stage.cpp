#include "stage.hpp"

#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <string_view>

#include <grant/driver/url.hpp>
#include <grant/registry/registry.hpp>

namespace {

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  if (value == nullptr) throw std::runtime_error(std::string(name) + " is not set: use ./dev demo");
  return value;
}

void run_command(const char* name) {
  if (std::system(variable(name).c_str()) != 0) {
    throw std::runtime_error(std::string(name) + " failed");
  }
}

}  // namespace

Stage::Stage() {
  const auto primary = grant::Url::parse(variable("PRIMARY_DATABASE_URL"));
  if (primary.adapter != grant::Adapter::sqlite) return;
  replica_file_ = grant::Url::parse(variable("PRIMARY_REPLICA_1_URL")).database;
  grant::sqlite::RefresherOptions options;
  options.primary = primary.database;
  options.replicas = {replica_file_, grant::Url::parse(variable("PRIMARY_REPLICA_2_URL")).database};
  refresher_ = std::make_unique<grant::sqlite::Refresher>(options);
}

void Stage::wait_for_replicas() const {
  auto& registry = grant::registry();
  const auto ready = [&registry] {
    for (const auto& node : registry.health_status()) {
      if (!node.healthy) return false;
      if (node.database == "primary" && node.role == grant::Role::reading &&
          (!node.lag || *node.lag > std::chrono::seconds(1))) {
        return false;
      }
    }
    return true;
  };
  do {
    if (refresher_) refresher_->refresh_now();
    registry.check_health_now();
  } while (!ready());
}

void Stage::take_replica_away() const {
  if (refresher_) {
    std::filesystem::rename(replica_file_, replica_file_ + ".away");
  } else {
    run_command("GRANT_TOUR_STOP");
  }
}

void Stage::bring_replica_back() const {
  if (refresher_) {
    std::filesystem::rename(replica_file_ + ".away", replica_file_);
  } else {
    run_command("GRANT_TOUR_START");
  }
}
