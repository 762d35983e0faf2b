// says: grant: a table needs a primary key
#include <grant/model/model.hpp>

struct Keyless : grant::Model<Keyless> {
  std::int64_t id{};
  static constexpr auto table = grant::table<Keyless>("keyless", grant::column<&Keyless::id>);
};

auto wrong() { return Keyless::count(); }
