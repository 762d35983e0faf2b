// says: grant: the value's type does not match the type of the column
#include "song.hpp"

auto wrong() { return Song::create(grant::field<&Song::title> = 7); }
