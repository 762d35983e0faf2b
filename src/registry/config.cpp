#include "grant/registry/config.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <toml++/toml.h>
#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <system_error>
#include <utility>

#include "cluster/option_fields.hpp"
#include "core/described.hpp"
#include "core/nearest.hpp"
#include "grant/core/duration.hpp"
#include "grant/core/error.hpp"
#include "grant/driver/url.hpp"
#include "pool/option_fields.hpp"

namespace grant {
namespace {

using std::chrono::milliseconds;

bool is_in_name(char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

/// The parser's words, without the longer parts of the text that it quotes.
std::string without_quoted(std::string_view words) {
  std::string out;
  while (!words.empty()) {
    const auto open = std::min(words.find('\''), words.size());
    const auto close = words.find('\'', open + 1);
    constexpr std::size_t character = 4;  // in UTF-8
    const bool is_text = close != std::string_view::npos && close - open - 1 > character;
    out += words.substr(0, open);
    if (is_text) out += "'...'";
    const auto end = close == std::string_view::npos ? words.size() : close + 1;
    if (!is_text) out += words.substr(open, end - open);
    words.remove_prefix(end);
  }
  return out;
}

/// The parser makes a table of each part of a key, and takes them down one within the other.
void refuse_deep_keys(std::string_view text, std::string_view name) {
  constexpr std::ptrdiff_t most = 100;
  for (std::size_t line = 1; !text.empty(); ++line) {
    const auto end = text.find('\n');
    const auto key = text.substr(0, end);
    if (std::ranges::count(key.substr(0, key.find('=')), '.') > most) {
      throw_error(Errc::configuration,
                  fmt::format("{}:{}: a key of more than {} parts", name, line, most));
    }
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
}

/// One TOML file being read: every refusal names it and the line.
class Reader {
 public:
  explicit Reader(std::string_view name) : name_(name) {}

  [[noreturn]] void refuse(const toml::source_region& where, std::string_view what) const {
    throw_error(Errc::configuration, fmt::format("{}:{}: {}", name_, where.begin.line, what));
  }
  [[noreturn]] void refuse(const toml::node& node, std::string_view what) const {
    refuse(node.source(), what);
  }

  const toml::table& table(const toml::node& node, std::string_view key) const {
    if (!node.is_table()) refuse(node, fmt::format("{} must be a table", key));
    return *node.as_table();
  }

  /// Text with `${NAME}` replaced. Messages do not quote it: URLs hold passwords.
  std::string text(const toml::node& node, std::string_view key) const {
    const auto* value = node.as_string();
    if (value == nullptr) refuse(node, fmt::format("{} must be text in quotes", key));
    return interpolated(node, key, value->get());
  }

  /// Runs `read`, giving what it refuses the line of `node`.
  template <class Read>
  auto at(const toml::node& node, std::string_view key, const Read& read) const {
    try {
      return read();
    } catch (const Error& error) {
      refuse(node, fmt::format("{}: {}", key, error.what()));
    }
  }

  /// What the text names, as `find` knows it.
  template <class Find>
  auto named(const toml::node& node, std::string_view key, const Find& find) const {
    const auto name = text(node, key);
    // When it does not know it, ask again for the message: what a variable held may be a secret.
    try {
      return find(name);
    } catch (const Error&) {
      return at(node, key, [&] { return find(as_written(node)); });
    }
  }

  /// The text in the file, variables not replaced: for messages.
  [[nodiscard]] static std::string as_written(const toml::node& node) {
    return node.as_string()->get();
  }

  // Values of options, by their types.

  void read(const toml::node& node, std::string_view key, std::size_t& count) const {
    const auto* value = node.as_integer();
    if (value == nullptr || value->get() < 0) {
      refuse(node, fmt::format("{} must be a whole number, zero or more", key));
    }
    count = static_cast<std::size_t>(value->get());
  }

  void read(const toml::node& node, std::string_view key, milliseconds& span) const {
    const auto parsed = parse_duration(text(node, key));
    if (!parsed) {
      refuse(node,
             fmt::format("{} must be a duration such as \"250ms\", \"5s\" or \"2m\", but it is {}",
                         key, described(as_written(node))));
    }
    span = *parsed;
  }

  void read(const toml::node& node, std::string_view key,
            std::optional<milliseconds>& limit) const {
    if (node.is_string() && node.as_string()->get() == "none") {
      limit.reset();
    } else {
      read(node, key, limit.emplace());
    }
  }

  void read(const toml::node& node, std::string_view key, bool& flag) const {
    const auto* value = node.as_boolean();
    if (value == nullptr) refuse(node, fmt::format("{} must be true or false", key));
    flag = value->get();
  }

  void read(const toml::node& node, std::string_view key, Strategy& strategy) const {
    strategy = named(node, key, strategy_named);
  }

  void read(const toml::node& node, std::string_view key, OnNoReplica& choice) const {
    const auto written = text(node, key);
    if (written == "primary") {
      choice = OnNoReplica::primary;
    } else if (written == "fail") {
      choice = OnNoReplica::fail;
    } else {
      refuse(node, fmt::format("{} must be \"primary\" or \"fail\", but it is {}", key,
                               described(as_written(node))));
    }
  }

 private:
  std::string interpolated(const toml::node& node, std::string_view key,
                           std::string_view raw) const {
    std::string out;
    for (std::size_t i = 0; i < raw.size(); ++i) {
      if (raw[i] != '$') {
        out += raw[i];
        continue;
      }
      const char next = i + 1 < raw.size() ? raw[i + 1] : '\0';
      if (next == '$') {
        out += '$';
        ++i;
        continue;
      }
      const auto close = next == '{' ? raw.find('}', i) : std::string_view::npos;
      if (close == std::string_view::npos) {
        refuse(node, fmt::format("{}: \"$\" must start ${{NAME}}, or be written $$", key));
      }
      const std::string variable(raw.substr(i + 2, close - i - 2));
      // Some tools have a default stand there, with a password in it.
      if (!std::ranges::all_of(variable, is_in_name)) {
        refuse(node, fmt::format("{}: between \"${{\" and \"}}\" stands the name of an environment "
                                 "variable alone, of letters, digits and \"_\"",
                                 key));
      }
      const char* value = std::getenv(variable.c_str());
      if (value == nullptr) {
        refuse(node, fmt::format("{}: environment variable {} is not set", key, variable));
      }
      out += value;
      i = close;
    }
    return out;
  }

  std::string_view name_;
};

/// A key as messages have it: what is no word may have come there by mistake.
std::string shown(std::string_view key) {
  constexpr std::size_t longest = 40;
  const auto in_word = [](char c) { return is_in_name(c) || c == '-'; };
  const bool is_word = std::ranges::all_of(key, in_word) && key.size() <= longest;
  return is_word ? std::string(key) : described(key);
}

/// Keys of one table and what each does with its value.
using Keys = std::vector<std::pair<std::string_view, std::function<void(const toml::node&)>>>;

void read_keys(const Reader& reader, const toml::table& table, std::string_view where,
               const Keys& keys) {
  for (const auto& [key, node] : table) {
    const auto known = std::ranges::find(keys, key.str(), &Keys::value_type::first);
    if (known != keys.end()) {
      known->second(node);
      continue;
    }
    std::vector<std::string_view> names;
    for (const auto& each : keys) names.push_back(each.first);
    const auto meant = nearest(key.str(), names);
    const auto hint = meant.empty() ? fmt::format("there are {}", fmt::join(names, ", "))
                                    : fmt::format("did you mean {}?", meant);
    reader.refuse(key.source(),
                  fmt::format("unknown key {} in {}: {}", shown(key.str()), where, hint));
  }
}

/// A URL, or a table of a name and a URL.
UrlSource read_node(const Reader& reader, const toml::node& node, std::string_view key,
                    const std::string& where) {
  if (node.is_string()) return reader.text(node, key);
  if (!node.is_table()) {
    reader.refuse(
        node,
        fmt::format("{} must be text in quotes, or a table {{ name = \"...\", url = \"...\" }}",
                    key));
  }
  UrlSource url;
  const toml::node* name = nullptr;
  const auto url_key = fmt::format("{}.url", key);
  const Keys keys{{"name", [&](const auto& n) { name = &n; }},
                  {"url", [&](const auto& n) { url = reader.text(n, url_key); }}};
  read_keys(reader, *node.as_table(), fmt::format("{}.{}", where, key), keys);
  if (url.empty()) reader.refuse(node, fmt::format("{} is a table without a url", key));
  if (name == nullptr) return url;
  return reader.named(*name, fmt::format("{}.name", key),
                      [&url](std::string given) { return url.named(std::move(given)); });
}

std::vector<UrlSource> read_nodes(const Reader& reader, const toml::node& node,
                                  std::string_view key, const std::string& where) {
  const auto* list = node.as_array();
  if (list == nullptr) {
    reader.refuse(
        node, fmt::format("{} must be a list of nodes: URLs, or tables of a name and a url", key));
  }
  std::vector<UrlSource> nodes;
  for (const auto& each : *list) nodes.push_back(read_node(reader, each, key, where));
  return nodes;
}

template <class Options, class Fields>
void add_option_keys(const Reader& reader, Options& options, const Fields& fields, Keys& keys) {
  for (const auto& field : fields) {
    keys.emplace_back(field.name, [&](const auto& node) {
      std::visit([&](auto member) { reader.read(node, field.name, options.*member); },
                 field.member);
    });
  }
}

/// A table of options alone.
template <class Options, class Fields>
void read_options(const Reader& reader, const toml::node& node, std::string_view key,
                  const std::string& where, const Fields& fields, Options& options) {
  Keys keys;
  add_option_keys(reader, options, fields, keys);
  read_keys(reader, reader.table(node, key), fmt::format("{}.{}", where, key), keys);
  reader.at(node, key, [&] { options.validate(where); });
}

/// url, writer and readers: of a database or of a shard.
template <class Nodes>
void add_node_keys(const Reader& reader, Nodes& nodes, const std::string& where, Keys& keys) {
  keys.emplace_back("url", [&](const auto& n) { nodes.url = read_node(reader, n, "url", where); });
  keys.emplace_back("writer",
                    [&](const auto& n) { nodes.writer = read_node(reader, n, "writer", where); });
  keys.emplace_back(
      "readers", [&](const auto& n) { nodes.readers = read_nodes(reader, n, "readers", where); });
}

/// toml++ sorts keys; people expect the order they wrote.
std::vector<std::pair<std::string, const toml::node*>> in_written_order(const toml::table& table) {
  std::vector<std::pair<std::string, const toml::node*>> entries;
  for (const auto& [key, node] : table) entries.emplace_back(std::string(key.str()), &node);
  std::ranges::stable_sort(entries, {}, [](const auto& entry) {
    const auto& begin = entry.second->source().begin;
    return std::pair(begin.line, begin.column);
  });
  return entries;
}

void read_shards(const Reader& reader, const toml::node& node, const std::string& where,
                 ConnectionSpec& spec) {
  for (const auto& [name, shard_node] : in_written_order(reader.table(node, "shards"))) {
    const auto path = fmt::format("{}.shards.{}", where, shown(name));
    ShardSpec shard;
    Keys keys;
    add_node_keys(reader, shard, path, keys);
    read_keys(reader, reader.table(*shard_node, path), path, keys);
    spec.shards.emplace_back(name, std::move(shard));
  }
}

ConnectionSpec read_database(const Reader& reader, const toml::node& node,
                             const std::string& where) {
  ConnectionSpec spec;
  Keys keys;
  add_node_keys(reader, spec, where, keys);
  const auto add = [&keys](std::string_view key, std::function<void(const toml::node&)> read) {
    keys.emplace_back(key, std::move(read));
  };
  add("adapter", [&](const auto& n) { spec.adapter = reader.named(n, "adapter", adapter_named); });
  add_option_keys(reader, spec.routing, detail::kRoutingOptionFields, keys);
  add("shards", [&](const auto& n) { read_shards(reader, n, where, spec); });
  add("pool", [&](const auto& n) {
    read_options(reader, n, "pool", where, detail::kPoolOptionFields, spec.pool);
  });
  add("health_check", [&](const auto& n) {
    read_options(reader, n, "health_check", where, detail::kHealthCheckOptionFields,
                 spec.health_check);
  });
  read_keys(reader, reader.table(node, where), where, keys);
  return spec;
}

toml::table parse(const Reader& reader, std::string_view text, std::string_view name) {
  refuse_deep_keys(text, name);
  try {
    return toml::parse(text);
  } catch (const toml::parse_error& error) {
    reader.refuse(error.source(), without_quoted(error.description()));
  }
}

/// Whether `written` is a URL with a secret in it, and not in the environment.
bool holds_secret(std::string written) {
  for (auto open = written.find("${"); open != std::string::npos; open = written.find("${")) {
    const auto close = written.find('}', open);
    if (close == std::string::npos) return false;
    written.erase(open, close - open + 1);
  }
  try {
    return Url::parse(written).holds_secret();
  } catch (const Error&) {
    return false;
  }
}

bool holds_secret(const toml::node& node) {
  if (const auto* text = node.as_string()) return holds_secret(text->get());
  if (const auto* table = node.as_table()) {
    return std::ranges::any_of(*table,
                               [](const auto& entry) { return holds_secret(entry.second); });
  }
  const auto* array = node.as_array();
  return array != nullptr &&
         std::ranges::any_of(*array, [](const auto& each) { return holds_secret(each); });
}

Databases read_all(const Reader& reader, const toml::table& root, std::string_view name) {
  Databases databases;
  const auto read = [&](const toml::node& node) {
    for (const auto& [key, database] : in_written_order(reader.table(node, "databases"))) {
      databases.emplace_back(key, read_database(reader, *database, "databases." + shown(key)));
    }
  };
  const Keys keys{{"databases", read}};
  read_keys(reader, root, "the file", keys);
  if (databases.empty()) {
    throw_error(Errc::configuration, fmt::format("{}: there is no [databases.NAME] table", name));
  }
  return databases;
}

}  // namespace

Databases parse_config(std::string_view text, std::string_view name) {
  const Reader reader(name);
  return read_all(reader, parse(reader, text, name), name);
}

Databases load_config(const std::string& file) {
  // Reading a directory fails in its own way, and a pipe waits for whoever writes.
  std::error_code unknown;
  const auto status = std::filesystem::status(file, unknown);
  if (std::filesystem::exists(status) && !std::filesystem::is_regular_file(status)) {
    throw_error(Errc::configuration, fmt::format("{}: is no file", file));
  }
  std::ifstream in(file, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  if (!in.is_open() || in.bad()) {
    throw_error(Errc::configuration, fmt::format("{}: cannot be read", file));
  }
  const Reader reader(file);
  const auto root = parse(reader, text, file);
  auto databases = read_all(reader, root, file);
  using std::filesystem::perms;
  const auto allows = [&](perms what) { return (status.permissions() & what) != perms::none; };
  const ConfigFile seen{.name = file,
                        .shows_secrets = allows(perms::others_read) && holds_secret(root),
                        .can_be_changed = allows(perms::others_write)};
  for (auto& [name, spec] : databases) spec.file = seen;
  return databases;
}

}  // namespace grant
