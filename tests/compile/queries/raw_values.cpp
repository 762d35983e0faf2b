#include "song.hpp"

// clang-format off: what a line says stands before it.

enum class Mood { calm };
struct Colour {};

// says: grant: a character is neither text nor a number here
auto a1() { return grant::sql("SELECT $1", 'a'); }

// says: grant: this enum cannot be bound without names; specialise grant::EnumNames
auto a2() { return grant::sql("SELECT $1", Mood::calm); }

// says: grant: a value of this type cannot be bound; specialise grant::Codec for it
auto a3() { return grant::sql("SELECT $1", Colour{}); }

// says: grant: a value of this type cannot be bound; specialise grant::Codec for it
auto a4() { return grant::sql("SELECT $1", 1.5L); }

// says: write grant::Timestamp
auto b1(const grant::Row& row) { return row.get<std::chrono::system_clock::time_point>(0); }

// says: specialise grant::EnumNames
auto b2(const grant::Row& row) { return row.get<Mood>("mood"); }
