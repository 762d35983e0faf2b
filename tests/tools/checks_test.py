"""The checks in tools/ must fail when they should: each case is a small tree with one mistake."""

import re
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

TOOLS = Path(__file__).resolve().parent.parent.parent / "tools"
sys.path.insert(0, str(TOOLS))

import check_engines  # noqa: E402 what it lists belongs to the trees below


class Case(unittest.TestCase):
    tool = ""

    def run_on(self, files):
        """The tool's exit status and output on a tree of just `files`."""
        with tempfile.TemporaryDirectory() as folder:
            for name in ("include/grant", "src", "tests"):
                (Path(folder) / name).mkdir(parents=True)
            for name, text in files.items():
                path = Path(folder) / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text)
            done = subprocess.run([sys.executable, TOOLS / self.tool, folder], text=True,
                                  capture_output=True, check=False)
        self.assertEqual(done.stderr, "")
        return done.returncode, done.stdout

    def accepts(self, files):
        self.assertEqual(self.run_on(files), (0, ""))

    def refuses(self, files, *expected):
        status, output = self.run_on(files)
        self.assertEqual(status, 1, output)
        self.assertEqual(len(output.splitlines()), 1, output)
        for text in expected:
            self.assertIn(text, output)


class CheckEngines(Case):
    tool = "check_engines.py"

    @staticmethod
    def tree(**changes):
        """The engines' files, alike, and those that each has alone."""
        files = {}
        for engine, own in check_engines.OWN.items():
            name = check_engines.NAMES[engine]
            for stem in own:
                files[f"src/driver/{engine}/{stem}.cpp"] = ""
            files[f"src/driver/{engine}/connection.hpp"] = f"class {name}Connection final {{}};\n"
            files[f"src/driver/{engine}/bind.cpp"] = ""
        files.update(changes)
        return files

    def test_accepts_engines_that_are_alike(self):
        self.accepts(self.tree())

    def test_refuses_a_file_that_the_others_do_not_have(self):
        files = self.tree()
        files["src/driver/sqlite/open.cpp"] = ""
        status, output = self.run_on(files)
        self.assertEqual(status, 1)
        self.assertIn("src/driver/postgres/open: there is none, but sqlite has one", output)
        self.assertIn("src/driver/mariadb/open", output)

    def test_refuses_a_reason_for_a_file_that_is_not_there(self):
        files = self.tree()
        del files["src/driver/mariadb/batch.cpp"]
        self.refuses(files, "src/driver/mariadb/batch: there is none, but OWN")

    def test_refuses_a_class_of_another_name(self):
        files = self.tree()
        files["src/driver/sqlite/connection.hpp"] = "class Connection final {};\n"
        self.refuses(files, "src/driver/sqlite/connection: it has no SqliteConnection")


class CheckLayers(Case):
    tool = "check_layers.py"

    def test_accepts_includes_that_point_down(self):
        self.accepts({
            "include/grant/core/error.hpp": "#pragma once\n#include <string>\n",
            "include/grant/pool/pool.hpp": '#include "grant/core/error.hpp"\n',
            "include/grant/grant.hpp": '#include "grant/pool/pool.hpp"\n',
            "src/driver/postgres/bind.hpp": "#include <libpq-fe.h>\n",
            "src/driver/postgres/bind.cpp": '#include "driver/postgres/bind.hpp"\n',
            "src/model/model.cpp": '#include "grant/query/query.hpp"\n',
        })

    def test_refuses_an_include_that_points_up(self):
        self.refuses({"include/grant/core/error.hpp": '\n#include "grant/pool/pool.hpp"\n'},
                     "include/grant/core/error.hpp:2:", "core is below pool")

    def test_refuses_a_component_in_a_layer_above_it(self):
        self.refuses({"src/pool/pool.cpp": '#include "grant/asio/async_run.hpp"\n'},
                     "src/pool/pool.cpp:1:", "asio is a component of its own")

    def test_refuses_query_that_includes_model(self):
        self.refuses({"src/query/query.cpp": '#include "grant/model/model.hpp"\n'},
                     "src/query/query.cpp:1:", "query is below model")

    def test_refuses_query_that_includes_cluster(self):
        self.refuses({"src/query/query.cpp": "#include <grant/cluster/node.hpp>\n"},
                     "query must not know cluster")

    def test_refuses_a_private_include_that_points_up(self):
        self.refuses({"src/pool/queue.hpp": "",
                      "src/io/waiter.cpp": '#include "../pool/queue.hpp"\n'},
                     "src/io/waiter.cpp:1:", "io is below pool")
        self.refuses({"src/pool/queue.hpp": "",
                      "src/io/waiter.cpp": '#  include  "pool/queue.hpp"\n'}, "io is below pool")

    def test_refuses_one_driver_that_includes_another(self):
        self.refuses({"src/driver/sqlite/bind.hpp": "",
                      "src/driver/postgres/bind.cpp": '#include "driver/sqlite/bind.hpp"\n'},
                     "driver/sqlite is a component of its own")

    def test_refuses_a_layer_that_includes_one_driver(self):
        self.refuses({"src/model/model.cpp": '#include "grant/driver/postgres/driver.hpp"\n'},
                     "driver/postgres is a component of its own")

    def test_refuses_use_of_the_test_support(self):
        self.refuses({"src/model/model.cpp": '#include "grant/testing/clock.hpp"\n'},
                     "model is below testing")

    def test_refuses_the_header_that_gathers_all(self):
        self.refuses({"src/core/error.cpp": '#include "grant/grant.hpp"\n'}, "gathers all layers")

    def test_refuses_an_unknown_layer(self):
        self.refuses({"src/utils/string.cpp": ""}, "there is no layer utils")
        self.refuses({"src/core/error.cpp": '#include "grant/utils/string.hpp"\n'},
                     "there is no layer utils")

    def test_refuses_a_public_header_that_needs_private_things(self):
        self.refuses({"include/grant/driver/postgres/driver.hpp": "#include <libpq-fe.h>\n"},
                     "must not need <libpq-fe.h>")
        self.refuses({"include/grant/core/a.hpp": '#include "b.hpp"\n'},
                     '"grant/<layer>/<file>"')


class CheckSleeps(Case):
    tool = "check_sleeps.py"

    def test_accepts_a_sleep_that_says_why(self):
        self.accepts({"tests/a.cpp": "// sleep_for(1s) is not code\n"
                                     "// sleeps: the server's own timer is what is measured\n"
                                     "std::this_thread::sleep_for(1s);\n"})

    def test_accepts_a_coroutine_that_waits(self):
        self.accepts({"tests/a.cpp": "co_await call.sleep_until(time);\nsleep(loop);\n"})

    def test_refuses_a_sleep_without_a_reason(self):
        for call in ("std::this_thread::sleep_for(1s)", "usleep(1)", "::sleep(1)"):
            self.refuses({"tests/unit/a.cpp": f"\n{call};  // a moment\n"}, "tests/unit/a.cpp:2:")


class CheckScars(Case):
    tool = "check_scars.py"

    def test_accepts_a_field_that_is_as_people_write_it(self):
        self.accepts({"examples/a.cpp": "auto name = field<&User::name>;\nbool less = a<& b;\n"})

    def test_refuses_what_clang_format_makes_of_one(self):
        self.refuses({"examples/a.cpp": "\nUser::create(grant::field<& User::name> = 1);\n"},
                     "examples/a.cpp:2: field<& User")
        self.refuses({"docs/guide/a.md": "column<& User::name>\n"}, "docs/guide/a.md:1")


class CheckEdges(Case):
    tool = "check_edges.py"
    edges = {"tools/edges.toml": '[[edge]]\nfile = "src/a.cpp"\nuses = ["clock"]\nwhy = "the clock"\n'
                                 '[until_moved]\n"src/b.cpp" = ["sleep", "thread"]\n',
             "src/a.cpp": "auto now = Clock::system().now();\n",
             "src/b.cpp": "std::this_thread::sleep_for(1ms);\nstd::thread thread;\n"}

    def with_changes(self, **changes):
        files = dict(self.edges)
        for name, (old, new) in changes.items():
            path = next(p for p in files if re.sub(r"\W", "_", p).endswith(name))
            self.assertIn(old, files[path])
            files[path] = files[path].replace(old, new)
        return files

    def test_accepts_what_is_listed_and_what_only_looks_like_it(self):
        self.accepts({**self.edges, "src/c.cpp":
                      "// std::thread, rand()\nauto at = ValueView::time(*time); co_await call.sleep_until(at);\n"
                      'auto sql = "select pg_sleep(1), \\"time(0)\\""; std::thread::id id; call.now(); strand();\n'
                      "steady_clock::time_point point; std::this_thread::get_id(); operand(1);\n"})

    def test_refuses_each_use_that_is_not_listed(self):
        uses = ("Clock::system().now()", "std::chrono::steady_clock::now()", "system_clock::now()",
                "std::chrono::high_resolution_clock clock", "::clock_gettime(id, &t)", "gettimeofday(&t, nullptr)",
                "time(nullptr)", "std::time(0)", "::time(&t)", "std::this_thread::sleep_until(t)", "nanosleep(&t)",
                "usleep(1)", "::sleep(i)", "sleep(1)", "std::thread t", "std::jthread t", "std::async(f)",
                "pthread_create(&t)", "static ProcessWorkers w(1)", "std::random_device{}()", "rand()", "std::rand()",
                "srand(1)")
        for path in ("src/pool/c.cpp", "include/grant/pool/c.hpp"):
            status, output = self.run_on({**self.edges, path: "".join(f"{use};\n" for use in uses)})
            self.assertEqual(status, 1)
            self.assertEqual([line.split(": ")[0] for line in output.splitlines()],
                             [f"{path}:{number}" for number in range(1, len(uses) + 1)], output)

    def test_refuses_another_use_than_the_listed_one(self):
        self.refuses(self.with_changes(a_cpp=("auto", "std::thread t; auto")), "src/a.cpp:1: std::thread")

    def test_refuses_an_entry_that_nothing_needs(self):
        self.refuses(self.with_changes(a_cpp=("Clock::system()", "call")), "edges.toml: src/a.cpp needs no clock")
        self.refuses(self.with_changes(b_cpp=("std::thread thread;", "")), "edges.toml: src/b.cpp needs no thread")
        files = self.with_changes()
        del files["src/a.cpp"]
        self.refuses(files, "edges.toml: src/a.cpp needs no clock")

    def test_refuses_an_entry_without_a_reason_or_of_no_kind_or_there_twice(self):
        self.refuses(self.with_changes(edges_toml=("the clock", "")), "src/a.cpp has no reason")
        self.refuses(self.with_changes(edges_toml=('"sleep"', '"sleep", "paint"')), "there is no kind paint")
        self.refuses(self.with_changes(edges_toml=('[until_moved]', '[until_moved]\n"src/a.cpp" = ["clock"]')),
                     "src/a.cpp is there twice for clock")


class CheckNames(Case):
    tool = "check_names.py"
    config = """\
template <class Nodes>
void add_node_keys(const Reader& reader, Nodes& nodes, Keys& keys) {
  keys.emplace_back("url", [&](const auto& n) { nodes.url = reader.text(n, "url"); });
}
UrlSource read_node(const Reader& reader) {
  const Keys keys{{"name", [&](const auto& n) { name = &n; }},
                  {"url", [&](const auto& n) { url = n; }}};
}
ConnectionSpec read_database(const Reader& reader) {
  add("adapter",
      [&](const auto& n) { spec.adapter = n; });
  add("pool", [&](const auto& n) { spec.pool = n; });
  add("health_check", [&](const auto& n) { spec.health_check = n; });
}
"""
    pool_fields = """\
using PoolOptionField = OptionField<PoolOptions, std::size_t>;
inline constexpr auto kPoolOptionFields = std::to_array<PoolOptionField>({
    {.name = "max_size",
     .member = &PoolOptions::max_size,
     .url_parameter = "max_pool_size",
     .meaning = "most"},
});
"""
    cluster_fields = """\
using RoutingOptionField =
    OptionField<RoutingOptions, Strategy,
                bool>;
inline constexpr auto kRoutingOptionFields = std::to_array<RoutingOptionField>({
    {.name = "sticky_period", .member = &RoutingOptions::sticky_period, .meaning = "how long"},
});
using HealthCheckOptionField = OptionField<HealthCheckOptions, bool>;
inline constexpr auto kHealthCheckOptionFields = std::to_array<HealthCheckOptionField>({
    {.name = "interval", .member = &HealthCheckOptions::interval, .meaning = "between"},
});
"""
    page = """\
# Configuration

## A database: `[databases.NAME]`

| key | default |
|---|---|
| `url` | |
| `adapter` | |

### A node

| key | default |
|---|---|
| `name` | |
| `url` | |

## Routing

| key | default |
|---|---|
| `sticky_period` | `2s` |

## Pool: `pool`

| key | default |
|---|---|
| `max_size` | 25 |

There it is `max_pool_size`, and benchmarks take `--rounds`.

## Health checks: `health_check`

| key | default |
|---|---|
| `interval` | `30s` |

### Parameters of URLs

| parameter | of | default |
|---|---|---|
| `cancel_timeout` | MariaDB | 100 |
| `mode` | SQLite | |
"""
    tree = {
        "src/registry/config.cpp": config,
        "src/pool/option_fields.hpp": pool_fields,
        "src/cluster/option_fields.hpp": cluster_fields,
        "src/driver/url_params.cpp": "std::chrono::milliseconds UrlParams::cancel_timeout() {\n"
                                     '  return ms(number<std::int64_t>("cancel_timeout", most));\n}\n',
        "src/driver/sqlite/options.cpp": 'if (auto mode = params.word<Mode>("mode", kModes)) {}\n',
        "src/driver/mariadb/driver.cpp": "settings.cancel_timeout = params.cancel_timeout();\n",
        "include/grant/driver/sqlite/driver.hpp": "///   - `mode`: `ro` or `rw`.\n",
        "include/grant/driver/mariadb/driver.hpp": "///   - `cancel_timeout`: 100.\n",
        "include/grant/pool/pool_options.hpp": "struct PoolOptions {\n  std::size_t max_size = 25;\n};\n",
        "docs/guide/4-configuration.md": page,
        "dev": "usage() {\n  cat <<'TEXT'\nusage: ./dev COMMAND\n\n  bench NAME   measure\n  help   this\n"
               "TEXT\n}\nmain() {\n  case $command in\n    help | -h | --help)\n      usage\n      ;;\n"
               "    bench) run=$command ;;\n  esac\n}\n",
        "bench/find_bench.cpp": 'app.add_option("--rounds");\n',
        "CMakePresets.json": '{"configurePresets": [{"name": "dev"}, {"name": "base", "hidden": true}]}',
    }

    def with_changes(self, **changes):
        files = dict(self.tree)
        for name, (old, new) in changes.items():
            path = next(p for p in files if re.sub(r"\W", "_", p).endswith(name))
            self.assertIn(old, files[path])
            files[path] = files[path].replace(old, new)
        return files

    def saying(self, text):
        return {**self.tree, "README.md": text}

    def test_accepts_a_tree_where_all_is_listed(self):
        self.accepts(self.saying("`./dev bench find`, `--rounds 3`, `bench/find_bench.cpp`, `sqlite:a.db?mode=ro`,\n"
                                 "`cmake --preset dev`, `kModes`, `./dev bench NAME`, `PKG_CONFIG_PATH`\n"))

    def test_refuses_a_key_that_no_table_lists(self):
        self.refuses(self.with_changes(config_cpp=('add("pool"', 'add("colour",\n [&](auto& n) {});\n  add("pool"')),
                     "Routing", "`colour` is not listed")
        self.refuses(self.with_changes(cluster_option_fields_hpp=('"interval"', '"pause"'),
                                       guide_4_configuration_md=("`interval` | `30s`", "`pause` | `30s` |\n| `rest` |")),
                     "health_check", "`rest` does not exist")

    def test_refuses_a_pool_option_that_no_table_lists(self):
        self.refuses(self.with_changes(pool_option_fields_hpp=(
            "    {", '    {.name = "min_idle", .url_parameter = "max_pool_size", .meaning = ""},\n    {')),
                     "pool", "`min_idle` is not listed")

    def test_refuses_a_url_parameter_that_nothing_lists(self):
        status, output = self.run_on(self.with_changes(sqlite_options_cpp=("if", 'params.text("vfs"); if')))
        self.assertEqual(status, 1)
        self.assertIn("SQLite's `vfs` is not listed", output)
        self.assertIn("sqlite/driver.hpp: the parameter `vfs` is not listed", output)

    def test_refuses_a_listed_url_parameter_of_another_engine(self):
        self.refuses(self.with_changes(guide_4_configuration_md=("MariaDB | 100", "MariaDB, SQLite | 100")),
                     "SQLite's `cancel_timeout` does not exist")

    def test_refuses_a_field_that_is_no_key_and_in_no_guide(self):
        status, output = self.run_on(self.with_changes(pool_options_hpp=("};", "  int colour{};\n};")))
        self.assertEqual(status, 1)
        self.assertIn("PoolOptions::colour is no key", output)
        self.assertIn("no guide names PoolOptions::colour", output)
        self.accepts(self.with_changes(pool_options_hpp=("};", "  Colour of() {\n    Colour colour;\n"
                                                         "    return colour;\n  }\n};")))

    def test_refuses_names_of_what_is_not_there(self):
        for text, why in (("./dev bench paint", "takes no `paint`"), ("./dev paint", "no command `./dev paint`"),
                          ("bench/paint.cpp", "no file `bench/paint.cpp`"), ("--paint 3", "takes `--paint`"),
                          ("cmake --preset paint", "no preset `paint`"), ("paint_all()", "name `paint_all`"),
                          ("mariadb://h/d?colour=1", "no parameter `colour`"),
                          ("grant/paint.hpp", "no file `grant/paint.hpp`"), ("max_sise = 3", "name `max_sise`"),
                          ("{.max_sise = 3}", "name `max_sise`"), ("-DGRANT_PAINT=OFF", "name `GRANT_PAINT`")):
            self.refuses(self.saying(f"\nUse `{text}` for it.\n"), "README.md:2:", why)

    def test_refuses_an_unknown_key_in_an_example(self):
        self.refuses(self.saying('```toml\n[databases.a]\nurl = "x"\npool = { min = 1 }\n```\n'),
                     "README.md:1:", "no key `min`")
        self.accepts(self.saying('```toml\n[databases.a]\nurl = { name = "n", url = "x" }\n```\n'))
        self.refuses(self.saying('```toml\n[databases.a]\nurl = { nam = "n", url = "x" }\n```\n'),
                     "README.md:1:", "no key `nam`")

    def test_refuses_a_command_that_the_help_leaves_out(self):
        self.refuses(self.with_changes(dev=("    bench)", "    bench | paint)")), "what `paint` does")

    def test_refuses_an_option_of_a_benchmark_that_no_page_names(self):
        self.refuses({**self.tree, "bench/harness.cpp": 'app.add_option("--paint", x);\n'}, "its option paint")

    def test_refuses_an_option_of_cmake_that_no_page_names(self):
        self.refuses({**self.tree, "CMakeLists.txt": 'option(GRANT_PAINT "Paint" ON)\n'}, "GRANT_PAINT")


class RunDocumented(Case):
    tool = "run_documented.py"

    def tree(self, page, **more):
        return {".ci/run": "./dev test\n./dev check\n", "dev": "check() {\n  lint\n}\n",
                "README.md": page, **more}

    def test_runs_what_a_page_shows(self):
        status, output = self.run_on(self.tree("Then:\n\n    touch made    # a file\n    test -f made && echo made\n"))
        self.assertEqual(status, 0, output)
        self.assertRegex(output, "touch made +ok\n.*test -f made +ok\n.*echo made +ok\n$")

    def test_fails_with_a_command_that_fails(self):
        status, output = self.run_on(self.tree("Use `ls not-there`.\n"))
        self.assertEqual(status, 1)
        self.assertIn("README.md: `ls not-there` failed", output)

    def test_does_not_repeat_what_ci_runs(self):
        self.accepts(self.tree("`./dev test`, `./dev check`, `./dev lint`\n"))

    def test_refuses_what_ci_does_not_run(self):
        self.refuses(self.tree("`./dev test versions`\n"), "`./dev test versions` is not run by CI")

    def test_refuses_a_placeholder_that_it_does_not_know(self):
        self.refuses(self.tree("\n    cat FILE\n"), "`cat FILE`", "FORMS")

    def test_leaves_names_and_other_code_alone(self):
        self.accepts(self.tree("The `date` and `ls`, `cat_all()`.\n\n    auto users = User::all();\n"))


class PostgresInstallation(unittest.TestCase):
    def test_makes_the_links_that_a_package_lacks_beside_it(self):
        with tempfile.TemporaryDirectory() as folder:
            server = Path(folder) / "package/native"
            (server / "bin").mkdir(parents=True)
            (server / "lib").mkdir()
            (server / "bin/postgres").write_text("")
            (server / "lib/libx.so.1.2").write_text("x")
            (server / "pg-symlinks.json").write_text(
                '[{"source": "native/lib/libx.so.1.2", "target": "native/lib/libx.so.1"}]')
            done = subprocess.run([sys.executable, TOOLS / "postgres_installation.py", Path(folder) / "package",
                                   Path(folder) / "cache"], text=True, capture_output=True, check=True)
            used = Path(done.stdout.strip())
            self.assertEqual((used / "lib/libx.so.1").read_text(), "x")
            self.assertFalse((server / "lib/libx.so.1").exists())
            self.assertNotEqual(used, server)

    def test_names_what_is_wrong(self):
        with tempfile.TemporaryDirectory() as folder:
            for asked, why in ((folder, "no bin/postgres in"), ("7", "no version 7: there are 14")):
                done = subprocess.run([sys.executable, TOOLS / "postgres_installation.py", asked, folder + "/cache"],
                                      text=True, capture_output=True, check=False)
                self.assertEqual(done.returncode, 1)
                self.assertIn(why, done.stderr)


class CheckDocs(Case):
    tool = "check_docs.py"
    page = "See:\n\n<!-- src/a.cpp [part] -->\n```cpp\n{}```\n"
    source = "int main() {\n  // [part]\n  return 0;\n  // [part]\n}\n"

    def test_accepts_a_block_that_is_what_it_quotes(self):
        self.accepts({"README.md": self.page.format("return 0;\n"), "src/a.cpp": self.source})

    def test_refuses_a_block_that_differs(self):
        self.refuses({"README.md": self.page.format("return 1;\n"), "src/a.cpp": self.source},
                     "README.md", "differs")

    def test_refuses_a_region_that_is_not_there(self):
        self.refuses({"docs/guide/x.md": self.page.format("return 0;\n"), "src/a.cpp": "\n"},
                     "docs/guide/x.md", "no region [part]")

    def test_refuses_a_link_that_leads_nowhere(self):
        self.refuses({"README.md": "[x](docs/gone.md)\n"}, "docs/gone.md leads nowhere")

    table = ("<!-- options PaintOptions -->\n| key | default | meaning |\n|---|---|---|\n"
             "| `coats` | 2 | how often; 0: not at all |\n| `dries` | `90s` | say `\"none\"` |\n"
             "| `colour` | `deep_red` | or `blue` |\n\nMore.\n")
    options = {
        "include/grant/paint/paint_options.hpp":
            "/// How.\nstruct PaintOptions {\n  /// Layers.\n  std::size_t coats = 2;\n\n"
            "  std::chrono::milliseconds dries{90'000};  ///< Until then.\n"
            "  Colour colour = Colour::deep_red;\n};\n",
        "src/paint/option_fields.hpp":
            "using PaintOptionField =\n    OptionField<PaintOptions, std::size_t,\n"
            "                std::chrono::milliseconds>;\n\n"
            "inline constexpr auto kPaintOptionFields = std::to_array<PaintOptionField>({\n"
            '    {.name = "coats",\n     .member = &PaintOptions::coats,\n     .meaning = "how often; "\n'
            '                "0: not at all"},\n'
            '    {.name = "dries", .member = &PaintOptions::dries, .meaning = "say `\\"none\\"`"},\n'
            '    {.name = "colour", .member = &PaintOptions::colour, .meaning = "or `blue`"},\n});\n',
    }

    def test_accepts_a_table_of_options_that_is_the_sources_own(self):
        self.accepts({"README.md": self.table, **self.options})

    def test_refuses_a_table_of_options_that_differs(self):
        for text, other in (("| 2 |", "| 3 |"), ("90s", "9s"), ("not at all", "once"),
                            ("| `coats` | 2 | how often; 0: not at all |\n", "")):
            self.refuses({"README.md": self.table.replace(text, other), **self.options}, "README.md", "differs")

    def test_refuses_a_table_of_options_that_no_source_has(self):
        self.refuses({"README.md": self.table}, "README.md", "a table of PaintOptions")


if __name__ == "__main__":
    unittest.main()
