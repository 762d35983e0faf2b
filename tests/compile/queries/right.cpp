// says nothing: what the others get wrong, done right.
#include "song.hpp"

std::uint64_t right() {
  Song song = Song::create(grant::field<& Song::title> = "a", grant::field<& Song::live> = true);
  song.update(grant::field<& Song::album> = std::nullopt);
  auto wanted = grant::field<&Song::title>.like("a%") && grant::field<&Song::id> > 3;
  wanted = wanted || grant::field<&Song::album> == std::nullopt ||
           grant::field<&Song::album> == grant::field<&Song::title>;
  return Song::where(wanted && !(grant::field<&Song::live> == false)).count();
}
