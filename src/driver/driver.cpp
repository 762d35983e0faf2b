#include "grant/driver/driver.hpp"

#include <fmt/format.h>

#include <array>
#include <atomic>

#include "grant/core/error.hpp"

namespace grant {
namespace {

// Constant-initialised, so that drivers may register before main() in any order.
constinit std::array<std::atomic<const Driver*>, 3> drivers{};

}  // namespace

std::string_view suffix_of(Purpose purpose) noexcept {
  switch (purpose) {
    case Purpose::any: return "";
    case Purpose::reading: return " for reading";
    case Purpose::writing: return " for writing";
  }
  return "";
}

Sharing Driver::sharing(const ConnectOptions& /*target*/) const { return Sharing::free; }

bool Driver::says_full(const ErrorInfo& /*failure*/) const noexcept { return false; }

bool Driver::blames_transaction(const ErrorInfo& /*refusal*/) const noexcept { return false; }

void register_driver(const Driver& driver) {
  drivers[static_cast<std::size_t>(driver.adapter())] = &driver;
}

const Driver& find_driver(Adapter adapter) {
  const Driver* driver = drivers[static_cast<std::size_t>(adapter)];
  if (driver == nullptr) {
    throw_error(Errc::configuration,
                fmt::format("no driver for adapter \"{0}\" in this program: link grant::{0}",
                            to_string(adapter)));
  }
  return *driver;
}

}  // namespace grant
