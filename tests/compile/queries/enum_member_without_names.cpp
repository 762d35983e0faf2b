// says: grant: this enum cannot be stored without names; specialise grant::EnumNames for it
#include <grant/model/model.hpp>

enum class Colour { red };

struct Car : grant::Model<Car> {
  std::int64_t id{};
  Colour colour{};
  static constexpr auto table =
      grant::table<Car>("cars", grant::column<&Car::id>.primary_key(), grant::column<&Car::colour>);
};

auto wrong() { return Car::count(); }
