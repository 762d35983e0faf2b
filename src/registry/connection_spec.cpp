#include "grant/registry/connection_spec.hpp"

#include <fmt/format.h>

#include <cstdlib>

#include "core/described.hpp"
#include "grant/core/error.hpp"
#include "name.hpp"

namespace grant {

UrlSource UrlSource::named(std::string name) const {
  if (!detail::is_name(name)) {
    throw_error(Errc::configuration, fmt::format("the name of a node is made of {}, but it is {}",
                                                 detail::kNameRule, described(name)));
  }
  auto named = *this;
  named.name_ = std::move(name);
  return named;
}

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
