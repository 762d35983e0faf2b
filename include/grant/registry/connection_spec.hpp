#pragma once

#include <chrono>
#include <concepts>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "grant/cluster/health_check_options.hpp"
#include "grant/cluster/routing_options.hpp"
#include "grant/driver/adapter.hpp"
#include "grant/pool/pool_options.hpp"

namespace grant {

/// A URL, or a function that gives one. The function is called once, when the registry is set up.
///
/// A node may have a name: `grant::env("READER_URL").named("eu-1")`. It is then that node, and
/// stays it, whatever its URL, role and place in a list become; without one it is known by host,
/// port and database. Health status, events and errors call it by that name: "shop/eu-1".
class UrlSource {
 public:
  UrlSource() = default;  // no URL

  // Implicit on purpose: wherever a URL is wanted, a text or a function will do.
  // NOLINTBEGIN(google-explicit-constructor)
  UrlSource(std::string url) : provider_([url = std::move(url)] { return url; }) {}
  UrlSource(const char* url) : UrlSource(url == nullptr ? std::string() : std::string(url)) {}
  template <std::invocable Provider>
  requires std::convertible_to<std::invoke_result_t<Provider>, std::string> UrlSource(
      Provider provider)
      : provider_(std::move(provider)) {}
  // NOLINTEND(google-explicit-constructor)

  /// The same with this name, which no other node of its database or shard may have (the registry
  /// refuses that). Errors: configuration, where the name is empty or holds anything but letters,
  /// digits, "_" and "-".
  [[nodiscard]] UrlSource named(std::string name) const;

  /// Empty: none was given.
  [[nodiscard]] const std::string& name() const noexcept { return name_; }

  [[nodiscard]] bool empty() const noexcept { return !provider_; }
  [[nodiscard]] std::string get() const { return provider_(); }

 private:
  std::function<std::string()> provider_;
  std::string name_;
};

/// The value of an environment variable, read when the registry is set up. Errors (then):
/// configuration, naming the variable, when it is not set or empty.
[[nodiscard]] UrlSource env(std::string variable);

/// One horizontal part of a database.
struct ShardSpec {
  UrlSource url{};                   ///< Serves both roles, where there is no writer.
  UrlSource writer{};                ///< Expected to be the primary.
  std::vector<UrlSource> readers{};  ///< Expected to be replicas.
};

/// A file that databases were read from, as far as other users of the machine have to do with it.
struct ConfigFile {
  std::string name{};           ///< Empty: they come from no file.
  bool shows_secrets = false;   ///< Everybody can read it, and there is a password in it.
  bool can_be_changed = false;  ///< Everybody can write it.
};

/// One database: where its nodes are and how they are used. Plain data.
struct ConnectionSpec {
  /// Must match every URL; empty: what the URLs say.
  std::optional<Adapter> adapter{};

  // The nodes of an unsharded database; see ShardSpec.
  UrlSource url{};
  UrlSource writer{};
  std::vector<UrlSource> readers{};

  /// The parts of a sharded database, by name. Not together with url, writer or readers.
  std::vector<std::pair<std::string, ShardSpec>> shards{};

  /// For each node. Every field is a parameter of URLs too, which comes first; max_size and
  /// initial_size are called max_pool_size and initial_pool_size there.
  PoolOptions pool{};

  HealthCheckOptions health_check{};
  RoutingOptions routing{};

  /// What load_config() has seen of its file: the event `config.exposed` tells of it.
  ConfigFile file{};
};

/// Databases by name.
using Databases = std::vector<std::pair<std::string, ConnectionSpec>>;

}  // namespace grant
