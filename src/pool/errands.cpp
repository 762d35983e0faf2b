#include "errands.hpp"

#include <utility>

#include "core/fork.hpp"

namespace grant::detail {
namespace {

constinit thread_local const Errands::ErrandHere* innermost = nullptr;

}  // namespace

Errands::Errands() noexcept : forks_(forks()) {}

void Errands::close() noexcept {
  const Lock lock(mutex_);
  closed_ = true;
  for (auto* loop : loops_) loop->cancel();
}

void Errands::await_end() {
  const auto here = ErrandHere::count(*this);
  const Lock lock(mutex_);
  while (under_way_ > here) ended_.wait(mutex_);
}

Errands::Errand::Errand(Errands& errands) : errands_(errands) {
  const Lock lock(errands_.mutex_);
  begun_ = !errands_.closed_;
  if (begun_) ++errands_.under_way_;
}

Errands::Errand::~Errand() {
  if (!begun_ || errands_.forks_ != forks()) return;
  const Lock lock(errands_.mutex_);
  std::erase(errands_.loops_, loop_);
  --errands_.under_way_;
  errands_.ended_.notify_all();
}

bool Errands::Errand::go_on(io::Loop& loop) {
  const Lock lock(errands_.mutex_);
  if (!begun_ || errands_.closed_) return false;
  loop_ = &loop;
  errands_.loops_.push_back(loop_);
  return true;
}

Errands::ErrandHere::ErrandHere(Errands& errands)
    : errands_(errands), errand_(errands), outer_(std::exchange(innermost, this)) {}

Errands::ErrandHere::~ErrandHere() { innermost = outer_; }

std::size_t Errands::ErrandHere::count(const Errands& errands) noexcept {
  std::size_t count = 0;
  for (const auto* each = innermost; each != nullptr; each = each->outer_) {
    if (each->begun() && &each->errands_ == &errands) ++count;
  }
  return count;
}

}  // namespace grant::detail
