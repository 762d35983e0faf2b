#include "song.hpp"

// clang-format off: what a line says stands before it.

// Each is of other types than those before it: a compiler says a thing once.
enum class Mood { calm };

// says: a floating-point number is no exact decimal; write grant::Decimal(
auto a1() { return Song::where(grant::field<&Song::price> == 12.75); }

// says: a floating-point number is no exact decimal; write grant::Decimal(
auto a2() { return Song::where(grant::field<&Song::price>.in({0.5F, 1.5F})); }

// says: a fraction would be cut off; write an integer
auto b1() { return Song::create(grant::field<&Song::id> = 7.5); }

// says: a fraction would be cut off; write an integer
auto b2() { return Song::find(7.0F); }

// says: a character is no number; write 65
auto c1() { return Song::where(grant::field<&Song::id> == std::optional('7')); }

// says: a character is no number; write 65
auto c2() { return Song::query().update_all(grant::field<&Song::price> = '7'); }

// says: true and false are no numbers; write 1 or 0
auto d1() { return Song::find_if_there(true); }

// says: true and false are no numbers; write 1 or 0
auto d2() { return Song::where(grant::field<&Song::length> < true); }

// says: true and false are no numbers; write 1 or 0
auto d3() { return Song::where(grant::field<&Song::price> >= true); }

// says: true or false is wanted
auto d4() { return Song::where(grant::field<&Song::live> == 1.0); }

// says: a long double would be rounded; write a double
auto e1() { return Song::create(grant::field<&Song::length> = 1.5L); }

// says: write std::nullopt for null
auto f1() { return Song::where(grant::field<&Song::album> == nullptr); }

// says: a date has no time of day; write std::chrono::floor<std::chrono::days>(time)
auto g1(grant::Timestamp t) { return Song::where(grant::field<&Song::released> == t); }

// says: a date has no time of day; write std::chrono::floor<std::chrono::days>(time)
auto g2() { return Song::create(grant::field<&Song::released> = std::chrono::system_clock::now()); }

// says: a time of std::chrono::system_clock is wanted
auto g3() { return Song::where(grant::field<&Song::added> < std::chrono::steady_clock::now()); }

// says: a time of std::chrono::system_clock is wanted
auto g4() { return Song::where(grant::field<&Song::added> < 1795440000); }

// says: text is wanted
auto h1() { return Song::where(grant::field<&Song::title> == Mood::calm); }

// says: grant: the value's type does not match the type of the column
auto h2() { return Song::where(grant::field<&Song::id> == Mood::calm); }

// says: grant: the value's type does not match the type of the column
auto h3() { return Song::where(grant::field<&Song::price> == "12.50"); }

// says: grant: a number of rows is an integer
auto i1() { return Song::limit(7.5); }

// says: grant: a number of rows is an integer
auto i2() { return Song::query().offset(true); }

// says: shows: write Decimal("12.50")
void j1(Song& song) { song.price = 12.5; }
