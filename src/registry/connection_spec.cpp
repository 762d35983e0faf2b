#include "grant/registry/connection_spec.hpp"

#include <fmt/format.h>

#include <cstdlib>

#include "grant/core/error.hpp"

namespace grant {

UrlSource env(std::string variable) {
  return UrlSource([variable = std::move(variable)] {
    const char* value = std::getenv(variable.c_str());
    if (value == nullptr || *value == '\0') {
      throw_error(Errc::configuration, fmt::format("environment variable {} is {}", variable,
                                                   value == nullptr ? "not set" : "empty"));
    }
    return std::string(value);
  });
}

}  // namespace grant
