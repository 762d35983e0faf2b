// says nothing: what the others get wrong, done right.
#include "song.hpp"

enum { kMany = 1000 };

std::uint64_t right(const char* name, std::string_view part, const std::vector<bool>& wishes) {
  Song song = Song::create(grant::field<& Song::title> = "a", grant::field<& Song::live> = true,
                           grant::field<& Song::price> = grant::Decimal("12.50"));
  song.price = 12;
  song.update(grant::field<& Song::album> = std::nullopt, grant::field<& Song::title> = part,
              grant::field<& Song::price> = 7U, grant::field<& Song::gain> = 0.1,
              grant::field<& Song::length> = 3,
              grant::field<& Song::released> = std::chrono::year(2026) / 11 / 23,
              grant::field<& Song::added> = std::chrono::system_clock::now());
  auto wanted = grant::field<&Song::title>.like("a%") && grant::field<&Song::id> > 3;
  wanted = wanted || grant::field<&Song::album> == std::nullopt ||
           grant::field<&Song::album> == grant::field<&Song::title> ||
           grant::field<&Song::title> == name || grant::field<&Song::live>.in(wishes) ||
           grant::field<&Song::id> < kMany;
  grant::sql("SELECT $1, $2, $3, $4", nullptr, std::nullopt, name, std::chrono::system_clock::now())
      .run();
  grant::transaction({.database = "primary", .conflict_retries = 1}, [] {});
  return Song::where(wanted && !(grant::field<&Song::live> == false)).limit(10).offset(2U).count();
}
