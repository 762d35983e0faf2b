#include "song.hpp"

// What a line says stands before it.
// clang-format off

// Each asks for another one than those before it: a compiler says a thing once.
struct Label : grant::Model<Label> {
  std::int64_t id{};
  static constexpr auto table =
      grant::table<Label>("Labels", grant::column<&Label::id>.primary_key());
};

struct Studio : grant::Model<Studio> {
  std::int64_t id{};
  static constexpr auto table =
      grant::table<Studio>("Studios", grant::column<&Studio::id>.primary_key());
};

// says: grant: the condition is on columns of another model
auto a1() { return Song::where(grant::field<&Band::id> == 7); }

// says: grant: the condition is on columns of another model
auto a2() { return Song::query().where(grant::field<&Label::id> == 7); }

// says: grant: the condition is on columns of another model
auto a3() { return Song::find_by(grant::field<&Studio::id> == 7); }

// says: grant: the order is not by a column of this model
auto b1() { return Song::order(grant::field<&Band::id>); }

// says: grant: the order is not by a column of this model
auto b2() { return Song::query().order(grant::field<&Label::id>.desc()); }

// says: grant: conditions on two models are joined
auto c1() { return grant::field<&Song::id> == 7 && grant::field<&Band::id> == 7; }

// says: grant: conditions on two models are joined
auto c2() { return grant::field<&Song::id> == 7 || grant::field<&Band::id> == 7; }

// says: grant: columns of two models are compared
auto d1() { return Song::where(grant::field<&Song::id> == grant::field<&Band::id>); }

// says: grant: a column of another model is set
auto e1() { return Song::query().update_all(grant::field<&Song::title> = "a", grant::field<&Band::id> = 7); }
