#pragma once

#include <memory>
#include <string>

#include <grant/driver/sqlite/refresher.hpp>

/// What the tour needs around it: something that keeps SQLite replicas fresh, and somebody who
/// takes a replica away. On SQLite it moves a file; on a server it runs the commands in
/// GRANT_TOUR_STOP and GRANT_TOUR_START.
class Stage {
 public:
  Stage();

  /// Until both replicas of "primary" are healthy and have all that was written.
  void wait_for_replicas() const;

  void take_replica_away() const;
  void bring_replica_back() const;

 private:
  std::string replica_file_;  // empty: not SQLite
  std::unique_ptr<grant::sqlite::Refresher> refresher_;
};
