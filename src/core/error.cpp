#include "grant/core/error.hpp"

#include <utility>

namespace grant {

std::string_view to_string(Errc code) noexcept {
  switch (code) {
    case Errc::invalid_argument: return "invalid_argument";
    case Errc::configuration: return "configuration";
    case Errc::pool_timeout: return "pool_timeout";
    case Errc::unavailable: return "unavailable";
    case Errc::outcome_unknown: return "outcome_unknown";
    case Errc::conflict: return "conflict";
    case Errc::constraint: return "constraint";
    case Errc::not_found: return "not_found";
    case Errc::invalid_record: return "invalid_record";
    case Errc::read_only: return "read_only";
    case Errc::timeout: return "timeout";
    case Errc::cancelled: return "cancelled";
    case Errc::closed: return "closed";
  }
  return "unknown";
}

Error::Error(ErrorInfo info) : std::runtime_error(info.message), info_(std::move(info)) {}

void throw_error(ErrorInfo info) {
  switch (info.code) {
    case Errc::read_only: throw ReadOnlyError(std::move(info));
    case Errc::not_found: throw RecordNotFound(std::move(info));
    case Errc::pool_timeout: throw PoolTimeout(std::move(info));
    case Errc::unavailable: throw Unavailable(std::move(info));
    case Errc::outcome_unknown: throw OutcomeUnknown(std::move(info));
    case Errc::conflict: throw Conflict(std::move(info));
    case Errc::constraint: throw ConstraintViolation(std::move(info));
    case Errc::configuration: throw ConfigurationError(std::move(info));
    default: throw Error(std::move(info));
  }
}

void throw_error(Errc code, std::string message) {
  ErrorInfo info;
  info.code = code;
  info.message = std::move(message);
  throw_error(std::move(info));
}

}  // namespace grant
