// says: grant: the type of this member cannot be stored: write grant::Timestamp
#include <grant/model/model.hpp>

struct Visit : grant::Model<Visit> {
  std::int64_t id{};
  std::chrono::system_clock::time_point at{};
  static constexpr auto table = grant::table<Visit>(
      "visits", grant::column<&Visit::id>.primary_key(), grant::column<&Visit::at>);
};

auto wrong() { return Visit::count(); }
