// says: grant: columns of different types are compared
#include "song.hpp"

auto wrong() { return Song::where(grant::field<&Song::id> == grant::field<&Song::title>); }
