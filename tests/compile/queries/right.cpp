// says nothing: what the others get wrong, done right.
#include "song.hpp"

enum { kMany = 1000 };

constexpr auto title = grant::field<&Song::title>;
constexpr auto live = grant::field<&Song::live>;
constexpr auto price = grant::field<&Song::price>;
constexpr auto album = grant::field<&Song::album>;
constexpr auto gain = grant::field<&Song::gain>;
constexpr auto length = grant::field<&Song::length>;
constexpr auto released = grant::field<&Song::released>;
constexpr auto added = grant::field<&Song::added>;

std::uint64_t right(const char* name, std::string_view part, const std::vector<bool>& wishes) {
  Song song = Song::create(title = "a", live = true, price = grant::Decimal("12.50"));
  song.price = 12;
  song.update(album = std::nullopt, title = part, price = 7U, gain = 0.1, length = 3,
              released = std::chrono::year(2026) / 11 / 23,
              added = std::chrono::system_clock::now());
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
