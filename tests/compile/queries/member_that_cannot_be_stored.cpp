// says: grant: the type of this member cannot be stored; specialise grant::Codec for it
#include <grant/model/model.hpp>

struct Colour {};

struct Car : grant::Model<Car> {
  std::int64_t id{};
  Colour colour{};
  static constexpr auto table =
      grant::table<Car>("cars", grant::column<&Car::id>.primary_key(), grant::column<&Car::colour>);
};

auto wrong() { return Car::count(); }
