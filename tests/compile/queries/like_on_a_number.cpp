// says: grant: like() is for text columns
#include "song.hpp"

auto wrong() { return Song::where(grant::field<&Song::id>.like("7%")); }
