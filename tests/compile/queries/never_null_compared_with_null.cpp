// says: grant: this column is never null; its member is not a std::optional
#include "song.hpp"

auto wrong() { return Song::where(grant::field<&Song::title> == std::nullopt); }
