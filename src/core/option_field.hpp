#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include <fmt/format.h>

#include "grant/core/error.hpp"

// What there is to know of a field of options stands once, in a table of its struct: the checks of
// values, files, URLs and the guide's tables are made from it.
namespace grant::detail {

/// A field of Options, whose value is of one of the Values; its type says how it is written.
template <class Options, class... Values>
struct OptionField {
  std::string_view name;  ///< In C++, and the key in grant.toml.
  std::variant<Values Options::*...> member;
  std::int64_t least = 0;            ///< Of a count, or of milliseconds.
  std::string_view url_parameter{};  ///< Empty: no parameter of URLs.
  std::string_view meaning;          ///< For the guide; says what zero means.
};

/// What is wrong with a value below the least one; empty: nothing.
[[nodiscard]] std::string broken_rule(std::size_t value, std::int64_t least);
[[nodiscard]] std::string broken_rule(std::chrono::milliseconds value, std::int64_t least);
[[nodiscard]] std::string broken_rule(std::optional<std::chrono::milliseconds> value,
                                      std::int64_t least);
template <class Value>
[[nodiscard]] std::string broken_rule(const Value& /*value*/, std::int64_t /*least*/) {
  return {};  // every value of the type will do
}

/// Throws configuration for the first broken rule, naming `where` and the field, as `prefix` goes
/// on.
template <class Options, class Fields>
void validate_fields(const Options& options, const Fields& fields, std::string_view where,
                     std::string_view prefix) {
  for (const auto& field : fields) {
    const auto rule = std::visit(
        [&](auto member) { return broken_rule(options.*member, field.least); }, field.member);
    if (rule.empty()) continue;
    throw_error(Errc::configuration, fmt::format("{}: {}{} {}", where, prefix, field.name, rule));
  }
}

}  // namespace grant::detail
