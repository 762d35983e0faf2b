#include "set_up.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "core/described.hpp"
#include "grant/core/error.hpp"
#include "name.hpp"
#include "pool/url_options.hpp"

namespace grant::detail {
namespace {

[[noreturn]] void refuse(std::string_view where, std::string_view what) {
  throw_error(Errc::configuration, fmt::format("{}: {}", where, what));
}

void check_name(std::string_view what, const std::string& name) {
  if (is_name(name)) return;
  const bool may_be_url = name.find(':') != std::string::npos;
  throw_error(
      Errc::configuration,
      fmt::format("{} cannot be the name of a {}: {} can",
                  may_be_url ? described(name) : fmt::format("\"{}\"", name), what, kNameRule));
}

bool same_url(const Url& a, const Url& b) {
  return a.adapter == b.adapter && a.user == b.user && a.password == b.password &&
         a.host == b.host && a.port == b.port && a.database == b.database && a.params == b.params;
}

/// Puts the nodes of one shard together.
class MembersBuilder {
 public:
  /// `before`: the cluster that was there; null: none.
  MembersBuilder(std::string prefix, const ConnectionSpec& spec, const RegistryOptions& options,
                 const Cluster* before, NodeNames& names)
      : prefix_(std::move(prefix)), spec_(spec), options_(options), names_(names) {
    if (before != nullptr) before_ = before->topology().members();
  }

  std::vector<Member> build(const ShardSpec& nodes) {
    const auto where = "database \"" + prefix_ + "\"";
    if (nodes.url.empty() && nodes.writer.empty() && nodes.readers.empty()) {
      refuse(where, "it has no url, writer or readers");
    }
    if (!nodes.url.empty() && !nodes.writer.empty()) {
      refuse(where, "url and writer are both given: url is for nodes that serve both roles");
    }
    note_names(nodes);
    std::vector<Member> members;
    if (!nodes.url.empty()) members.push_back(member(Role::writing, nodes.url));
    if (!nodes.writer.empty()) members.push_back(member(Role::writing, nodes.writer));
    for (const auto& reader : nodes.readers) members.push_back(member(Role::reading, reader));
    refuse_several_engines(where, members);
    return members;
  }

 private:
  /// Before any node without one gets its own.
  void note_names(const ShardSpec& nodes) {
    const auto note = [this](const UrlSource& source) {
      const auto& name = source.name();
      if (name.empty()) return;
      if (!given_.insert(name).second) {
        refuse("database \"" + prefix_ + "\"",
               fmt::format("two of its nodes are named \"{}\"", name));
      }
      names_.by_identity[name] = name;
    };
    note(nodes.url);
    note(nodes.writer);
    for (const auto& reader : nodes.readers) note(reader);
  }

  /// By its place in the list, as long as nothing else is known of it.
  std::string called_so_far(Role role, const UrlSource& source) {
    const auto number = ++(role == Role::writing ? writers_ : readers_);
    if (!source.name().empty()) return source.name();
    return role == Role::writing ? std::string("writer") : fmt::format("reader-{}", number);
  }

  Member member(Role role, const UrlSource& source) {
    auto where = fmt::format("node \"{}/{}\"", prefix_, called_so_far(role, source));
    Url url;
    try {
      url = Url::parse(source.get());
      if (spec_.adapter && *spec_.adapter != url.adapter) {
        throw_error(Errc::configuration,
                    fmt::format("its URL is for {}, but the adapter is {}", to_string(url.adapter),
                                to_string(*spec_.adapter)));
      }
    } catch (const Error& error) {
      refuse(where, error.what());
    }
    const auto pool = take_pool_options(spec_.pool, url, where);
    const auto identity = identity_of(source.name(), url);
    ConnectOptions target;
    target.url = std::move(url);
    target.node = prefix_ + '/' + name_of(identity, role);
    // SQLite readers are copies that only their refresher may write to.
    target.access = role == Role::reading ? Effect::read : Effect::write;
    where = "node \"" + target.node + '"';
    try {
      const Driver* const driver = &find_driver(target.url.adapter);
      driver->validate(target.url);
      if (auto same = same_as_before(identity, *driver, target, pool)) {
        return {std::move(same), role};
      }
      return {make_node(*driver, std::move(target), pool, identity), role};
    } catch (const Error& error) {
      refuse(where, error.what());
    }
  }

  /// Several nodes at one place (two readers by one address) are told apart by their order.
  std::string identity_of(const std::string& given, const Url& url) {
    if (!given.empty()) return given;
    const auto endpoint = url.endpoint();
    const auto seen = ++endpoints_[endpoint];
    return seen == 1 ? endpoint : fmt::format("{}#{}", endpoint, seen);
  }

  /// What it is called: as the user said, or as it was before, or by the next number.
  std::string name_of(const std::string& identity, Role role) {
    auto& name = names_.by_identity[identity];
    // Meanwhile the user may have given another node the name that this one once got.
    const bool is_taken = identity != name && given_.contains(name);
    if (name.empty() || is_taken) name = new_name(role);
    return name;
  }

  std::string new_name(Role role) {
    while (true) {
      auto name = next_number(role);
      const auto has_it = [&name](const auto& known) { return known.second == name; };
      if (std::ranges::none_of(names_.by_identity, has_it)) return name;
    }
  }

  std::string next_number(Role role) {
    if (role == Role::reading) return fmt::format("reader-{}", ++names_.readers);
    const auto number = ++names_.writers;
    return number == 1 ? std::string("writer") : fmt::format("writer-{}", number);
  }

  std::shared_ptr<Node> same_as_before(const std::string& identity, const Driver& driver,
                                       const ConnectOptions& target,
                                       const PoolOptions& pool) const {
    const auto found = std::ranges::find_if(
        before_, [&](const Member& member) { return member.node->identity() == identity; });
    if (found == before_.end()) return nullptr;
    const auto& node = *found->node;
    const bool same = &node.driver() == &driver && same_url(node.target().url, target.url) &&
                      node.target().access == target.access && node.given() == pool &&
                      node.name() == target.node;
    return same ? found->node : nullptr;
  }

  std::shared_ptr<Node> make_node(const Driver& driver, ConnectOptions target,
                                  const PoolOptions& pool, const std::string& identity) const {
    return Node::make(driver, std::move(target), pool, options_.clock, options_.events, identity,
                      options_.runtime);
  }

  static void refuse_several_engines(const std::string& where, const std::vector<Member>& members) {
    const auto engine = members.front().node->driver().adapter();
    for (const auto& member : members) {
      const auto other = member.node->driver().adapter();
      if (other == engine) continue;
      refuse(where, fmt::format("its nodes are of several engines: node \"{}\" is {}, node \"{}\" "
                                "is {}",
                                members.front().node->name(), to_string(engine),
                                member.node->name(), to_string(other)));
    }
  }

  const std::string prefix_;
  const ConnectionSpec& spec_;
  const RegistryOptions& options_;
  NodeNames& names_;
  std::vector<Member> before_;
  std::set<std::string> given_;  // the names that the user gave
  std::map<std::string, std::size_t> endpoints_;
  std::size_t writers_ = 0;
  std::size_t readers_ = 0;
};

/// Puts a plan together.
class Planner {
 public:
  explicit Planner(const Setting& setting) : setting_(setting) { plan_.names = setting.names; }

  Plan plan(const Databases& databases) {
    for (const auto& [name, spec] : databases) add(name, spec);
    plan_.generation = std::make_shared<const Generation>(std::move(generation_));
    return std::move(plan_);
  }

 private:
  void add(const std::string& name, const ConnectionSpec& spec) {
    check_name("database", name);
    const auto where = "database \"" + name + "\"";
    if (std::ranges::find(generation_.databases, name, &Generation::Database::name) !=
        generation_.databases.end()) {
      refuse(where, "it is there twice");
    }
    spec.health_check.validate(where);
    spec.routing.validate(where);
    spec.pool.validate(where);

    Generation::Database database;
    database.name = name;
    ShardSpec unsharded;
    unsharded.url = spec.url;
    unsharded.writer = spec.writer;
    unsharded.readers = spec.readers;
    if (spec.shards.empty()) {
      database.shards.push_back(cluster(name, "default", spec, unsharded));
    } else if (!spec.url.empty() || !spec.writer.empty() || !spec.readers.empty()) {
      refuse(where, "it has shards, so url, writer and readers belong into them");
    }
    std::set<std::string> seen;
    for (const auto& [shard, nodes] : spec.shards) {
      check_name("shard", shard);
      if (!seen.insert(shard).second) refuse(where, "shard \"" + shard + "\" is there twice");
      database.shards.push_back(cluster(name, shard, spec, nodes));
    }
    generation_.databases.push_back(std::move(database));
  }

  std::shared_ptr<Cluster> cluster(const std::string& database, const std::string& shard,
                                   const ConnectionSpec& spec, const ShardSpec& nodes) {
    auto before = setting_.before ? setting_.before->find(database, shard) : nullptr;
    const auto name = shard == "default" ? database : database + '@' + shard;
    MembersBuilder builder(name, spec, setting_.options, before.get(), plan_.names[name]);
    auto members = builder.build(nodes);
    const ClusterOptions options{spec.routing, spec.health_check};
    // SQL of one engine is never sent to another: what began on this name ends where it began.
    if (before && before->adapter() == members.front().node->driver().adapter()) {
      plan_.changes.push_back({before, std::move(members), options});
      return before;
    }
    return plan_.added.emplace_back(std::make_shared<Cluster>(
        database, shard, std::move(members), options, setting_.options.clock,
        setting_.options.events, setting_.lineage, setting_.options.runtime));
  }

  const Setting& setting_;
  Generation generation_;
  Plan plan_;
};

}  // namespace

Plan set_up(const Databases& databases, const Setting& setting) {
  return Planner(setting).plan(databases);
}

}  // namespace grant::detail
