"""The checks in tools/ must fail when they should: each case is a small tree with one mistake."""

import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

TOOLS = Path(__file__).resolve().parent.parent.parent / "tools"


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


if __name__ == "__main__":
    unittest.main()
