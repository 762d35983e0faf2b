// says: grant: a table has one primary key
#include <grant/model/model.hpp>

struct Twice : grant::Model<Twice> {
  std::int64_t a{};
  std::int64_t b{};
  static constexpr auto table = grant::table<Twice>("twice", grant::column<&Twice::a>.primary_key(),
                                                    grant::column<&Twice::b>.primary_key());
};

auto wrong() { return Twice::count(); }
