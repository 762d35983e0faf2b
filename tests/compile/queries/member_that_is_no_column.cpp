// says: grant: this member is not a column of the model's table
#include "song.hpp"

auto wrong() { return Song::where(grant::field<&Song::plays> > 3); }
