#!/usr/bin/env python3
"""Checks that documents name what there is, and that what there is stands in a document.

    tools/check_names.py [ROOT]

The lists come from the sources. A name in README.md, CONTRIBUTING.md or docs/guide fails when it is:
a `./dev` command, preset, benchmark, fuzz target or engine that is not there; a file that is not there;
an `--option` that no program of the project takes; a parameter of a URL or a key of grant.toml that
nothing reads; a function or field that no source has. The other way round, every key of grant.toml
and every parameter of a URL must stand in the tables of docs/guide/4-configuration.md, every field of
a public options struct somewhere in a guide, every option of CMake in some page, and every command of
./dev in its help.
"""

import ctypes
import functools
import json
import re
import sys
import tomllib
from pathlib import Path

import option_fields

CONFIGURATION = "docs/guide/4-configuration.md"
ENGINES = {"PostgreSQL": "postgres", "MariaDB": "mariadb", "SQLite": "sqlite"}
SCHEMES = {"postgres": "postgres", "postgresql": "postgres", "mariadb": "mariadb", "mysql": "mariadb",
           "sqlite": "sqlite", "sqlite3": "sqlite"}

FENCED = re.compile(r"^```(\w*)\n(.*?)^```", re.DOTALL | re.MULTILINE)
SPAN = re.compile(r"`([^`\n]+)`")
URL = re.compile(r"\b(\w+):[^\s\"'`?|]*\?([^\s\"'`]+)")
# Of programs that are not the project's.
FOREIGN = re.compile(r"(cmake|ctest|pkg-config|apt|sudo|git|npm|g\+\+|clang\+\+)\b")


class Tree:
    """The files under a root; one that is not there is empty."""

    def __init__(self, root):
        self.root = root

    def text(self, name):
        path = self.root / name
        return path.read_text() if path.is_file() else ""

    def pages(self):
        names = [n for n in ("README.md", "CONTRIBUTING.md") if (self.root / n).is_file()]
        return names + sorted(str(p.relative_to(self.root)) for p in self.root.glob("docs/guide/*.md"))

    @functools.cached_property
    def words(self):
        """Every word of every source."""
        words = set()
        for folder in ("include", "src", "examples", "tests", "bench", "tools", "cmake"):
            for path in (self.root / folder).rglob("*"):
                # The cases of tests/tools name what must not be there.
                if path.suffix in {".hpp", ".cpp", ".sh", ".py", ".txt", ".cmake", ".toml"} \
                        and path.parent != self.root / "tests/tools":
                    words.update(re.findall(r"\w+", path.read_text()))
        for name in ("dev", "CMakeLists.txt", "CMakePresets.json"):
            words.update(re.findall(r"\w+", self.text(name)))
        return words


def code_of(text):
    """All code of a page: (line, text) of blocks and spans."""
    found = []
    for match in FENCED.finditer(text):
        found.append((text.count("\n", 0, match.start()) + 1, match.group(2)))
    rest = FENCED.sub(lambda m: "\n" * m.group(0).count("\n"), text)
    for number, line in enumerate(rest.splitlines(), start=1):
        if line.startswith("    "):
            found.append((number, line.strip()))
        else:
            found.extend((number, span) for span in SPAN.findall(line))
    return found


# --- grant.toml

def keys_in(text):
    """The keys that a function of config.cpp reads."""
    return re.findall(r"(?:keys\.emplace_back\(|\badd\(|\{)\s*\"(\w+)\"\s*,\s*\[&", text)


def body(text, function):
    """From where a function of a source file is defined to the brace that ends it."""
    match = re.search(rf"^[\w<][^;\n]*\b{function}\(.*?^}}", text, re.DOTALL | re.MULTILINE)
    return match.group(0) if match else ""


# The tables of grant.toml that hold nothing but options, and the struct of each.
OPTION_TABLES = {"pool": "PoolOptions", "health_check": "HealthCheckOptions"}


def option_keys(tree, struct):
    _, fields = option_fields.tables(tree.root).get(struct, ("", []))
    return {field.name for field in fields}


def config_keys(tree):
    """The keys of each table of grant.toml, by what 4-configuration.md calls it."""
    text = tree.text("src/registry/config.cpp")
    nodes = keys_in(body(text, "add_node_keys"))
    database = {*nodes, *keys_in(body(text, "read_database")), *option_keys(tree, "RoutingOptions")}
    return {"database": database, "shard": set(nodes), "node": set(keys_in(body(text, "read_node"))),
            **{table: option_keys(tree, struct) for table, struct in OPTION_TABLES.items()}}


def fields_of(tree, header, struct):
    """The fields of a plain struct."""
    return option_fields.members_of(tree.text(header), struct)


def sections(text):
    """The tables of a page: for each heading, the rows as lists of cells."""
    found = {}
    heading = ""
    for line in text.splitlines():
        if line.startswith("#"):
            heading = line.strip("# ")
            found.setdefault(heading, [])
        elif line.startswith("|") and not re.match(r"\|[-| ]+\|$", line):
            found.setdefault(heading, []).append([cell.strip() for cell in line.strip("|").split("|")])
    return found


def documented(tables, *starts):
    """What stands in the first cells of the tables under the headings that start so."""
    return {span for heading, rows in tables.items() if heading.startswith(starts)
            for row in rows for span in SPAN.findall(row[0])}


def compare(where, what, source, documented_names, existing):
    problems = [f"{where}: {what} `{name}` is not listed ({source} has it)"
                for name in sorted(existing - documented_names)]
    return problems + [f"{where}: {what} `{name}` does not exist ({source} has none)"
                       for name in sorted(documented_names - existing)]


def check_keys(tree, keys):
    tables = sections(tree.text(CONFIGURATION))
    source = "src/registry/config.cpp"
    problems = compare(CONFIGURATION, "under \"A database\" and \"Routing\", the key", source,
                       documented(tables, "A database", "Routing"),
                       keys["database"] - {"pool", "health_check"})
    problems += compare(CONFIGURATION, "under \"A node\", the key", source, documented(tables, "A node"),
                        keys["node"])
    # Of the tables with nothing but options only that they are there: check_docs.py writes them.
    for table, struct in OPTION_TABLES.items():
        source, _ = option_fields.tables(tree.root).get(struct, ("", []))
        listed = {span for heading, rows in tables.items() if f"`{table}`" in heading
                  for row in rows for span in SPAN.findall(row[0])}
        problems += compare(CONFIGURATION, f"under \"{table}\", the key", source, listed, keys[table])
    # That page promises that every field is a key of the same name, but for one whose fields are, and
    # one that says what the file itself is like.
    for header, struct, of in (("include/grant/pool/pool_options.hpp", "PoolOptions", "pool"),
                               ("include/grant/cluster/health_check_options.hpp", "HealthCheckOptions",
                                "health_check"),
                               ("include/grant/cluster/routing_options.hpp", "RoutingOptions", "database"),
                               ("include/grant/registry/connection_spec.hpp", "ConnectionSpec", "database"),
                               ("include/grant/registry/connection_spec.hpp", "ShardSpec", "shard")):
        beside = {"routing", "file"} if struct == "ConnectionSpec" else set()
        problems += [f"{header}: {struct}::{field} is no key of grant.toml"
                     for field in fields_of(tree, header, struct)
                     if field not in keys[of] | beside]
    return problems


def check_toml(page, line, text, keys):
    """The keys of an example of grant.toml."""
    try:
        config = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        return [f"{page}:{line}: {error}"]
    problems = []

    def look(table, of):
        for key, value in table.items():
            if key not in keys[of]:
                problems.append(f"{page}:{line}: there is no key `{key}` in grant.toml's tables of a {of}")
            elif key in ("pool", "health_check"):
                look(value, key)
            elif key in ("url", "writer", "readers") and of != "node":
                for node in value if isinstance(value, list) else [value]:
                    if isinstance(node, dict):
                        look(node, "node")
            elif key == "shards":
                for shard in value.values():
                    look(shard, "shard")

    for name, table in config.items():
        if name != "databases":
            problems.append(f"{page}:{line}: there is no key `{name}` at the top of grant.toml")
            continue
        for database in table.values():
            look(database, "database")
    return problems


# --- URLs

TAKEN = re.compile(r"\b(?:params|\w*url|\w*params)\.(?:text|number|word|take_param|flag|boolean|duration)"
                   r"(?:<[^()]*>)?\(\s*\"([\w-]+)\"")


def url_parameters(tree):
    """(pool parameters, {engine: its own parameters}), as the sources read them."""
    _, fields = option_fields.tables(tree.root).get("PoolOptions", ("", []))
    pool = {field.url_parameter for field in fields if field.url_parameter}
    # What UrlParams reads by functions of their own, for several engines.
    shared = {}
    for function, text in re.findall(r"^[\w:<>, ]+ UrlParams::(\w+)\(\)[^{;]*\{(.*?)^\}",
                                     tree.text("src/driver/url_params.cpp"), re.DOTALL | re.MULTILINE):
        names = re.findall(r"\b(?:text|number|word|flag|boolean|duration)(?:<[^()]*>)?\(\s*\"([\w-]+)\"", text)
        if names:
            shared[function] = set(names)
    engines = {}
    for engine in ENGINES.values():
        text = "".join(path.read_text() for path in sorted((tree.root / "src/driver" / engine).glob("*.cpp")))
        engines[engine] = set(TAKEN.findall(text))
        for function, names in shared.items():
            if re.search(rf"\.{function}\(\)", text):
                engines[engine] |= names
    return pool, engines


@functools.cache
def libpq_keywords():
    """What PostgreSQL's URLs take besides; nothing where libpq cannot be asked."""
    class Option(ctypes.Structure):
        _fields_ = [(name, ctypes.c_char_p) for name in
                    ("keyword", "envvar", "compiled", "val", "label", "dispchar")] + \
                   [("dispsize", ctypes.c_int)]
    try:
        libpq = ctypes.CDLL("libpq.so.5")
    except OSError:
        return None
    libpq.PQconndefaults.restype = ctypes.POINTER(Option)
    options = libpq.PQconndefaults()
    names = set()
    index = 0
    while options and options[index].keyword is not None:
        names.add(options[index].keyword.decode())
        index += 1
    return names


def check_url_table(tree, engines):
    problems = []
    rows = sections(tree.text(CONFIGURATION)).get("Parameters of URLs", [])
    listed = {engine: set() for engine in ENGINES.values()}
    for row in rows[1:]:
        for title, engine in ENGINES.items():
            if title in row[1]:
                listed[engine].update(SPAN.findall(row[0]))
    for title, engine in ENGINES.items():
        problems += compare(CONFIGURATION, f"under \"Parameters of URLs\", {title}'s", f"src/driver/{engine}",
                            listed[engine], engines[engine])
        header = f"include/grant/driver/{engine}/driver.hpp"
        in_header = {name for line in re.findall(r"^///   - (`[^:;]*[:;])", tree.text(header), re.MULTILINE)
                     for name in SPAN.findall(line)}
        own = engines[engine]
        if engine == "postgres":
            own = own - (libpq_keywords() or set())
        problems += compare(header, "the parameter", f"src/driver/{engine}", in_header, own)
    return problems


def check_urls(page, line, code, pool, engines):
    problems = []
    for scheme, query in URL.findall(code):
        engine = SCHEMES.get(scheme)
        if engine is None:
            continue
        known = pool | engines[engine]
        if engine == "postgres":
            if libpq_keywords() is None:
                continue
            known = known | libpq_keywords()
        for parameter in query.split("&"):
            name = parameter.split("=")[0]
            if name not in known:
                problems.append(f"{page}:{line}: {scheme} URLs take no parameter `{name}`")
    return problems


# --- commands, options and files

def dev_commands(tree):
    """The commands of ./dev: what its main() knows."""
    match = re.search(r"^main\(\) \{\n(.*?)^\}", tree.text("dev"), re.DOTALL | re.MULTILINE)
    names = re.findall(r"^    ([a-z][a-z |-]*)\)", match.group(1), re.MULTILINE) if match else []
    return {word for name in names for word in name.replace("-h | --help", "").replace("|", " ").split()}


def presets(tree):
    text = tree.text("CMakePresets.json")
    return {p["name"] for p in json.loads(text)["configurePresets"] if not p.get("hidden")} if text else set()


def check_dev(tree, words):
    """What is wrong with the command line `./dev words…`; None when nothing is."""
    if not words or words[0].isupper():
        return None
    command, arguments = words[0], words[1:]
    if command not in dev_commands(tree):
        return f"there is no command `./dev {command}`"
    first = arguments[0] if arguments else None
    if first is None or first.isupper() or first in ("…", "..."):
        return None
    targets = {
        "bench": lambda: (tree.root / f"bench/{first}_bench.cpp").is_file(),
        "fuzz": lambda: (tree.root / f"tests/fuzz/{first}_fuzz.cpp").is_file(),
        "cluster": lambda: (tree.root / f"tools/cluster/{first}.sh").is_file(),
        "build": lambda: first in presets(tree),
        "test": lambda: first == "versions" or first in presets(tree),
        "demo": lambda: first in ("sqlite", "postgres"),
    }
    if command in targets and not targets[command]():
        return f"`./dev {command}` takes no `{first}`"
    if command == "cluster" and len(arguments) > 1 and not arguments[1].isupper():
        script = tree.text(f"tools/cluster/{first}.sh")
        cases = script[script.rfind("\ncase $command in"):]
        if not re.search(rf"^  (?:[\w-]+ \| )*{re.escape(arguments[1])}(?: \| [\w-]+)*\)", cases, re.MULTILINE):
            return f"tools/cluster/{first}.sh has no command `{arguments[1]}`"
    return None


FOLDERS = ("include/", "src/", "tests/", "tools/", "docs/", "bench/", "examples/", "cmake/", "grant/", ".ci/")


def check_file(tree, span):
    """Whether a span that looks like a path leads somewhere."""
    path = span.split()[0].rstrip("/")
    if path == "grant" or not (path + "/").startswith(FOLDERS) or not re.fullmatch(r"[\w./-]+", path) or "NAME" in path:
        return None
    # What people read is the header under include.
    places = [path, f"include/{path}"] if path.startswith("grant/") else [path]
    return None if any((tree.root / p).exists() for p in places) else f"there is no file `{path}`"


def option_words(tree):
    """The --options that the project's own programs take."""
    found = set()
    for path in [tree.root / "dev", *(tree.root / "tools").rglob("*"), *(tree.root / "bench").glob("*.cpp")]:
        if path.is_file() and path.suffix in {"", ".sh", ".py", ".cpp"}:
            found.update(re.findall(r"--[a-z][a-z-]*", path.read_text()))
    return found


def check_span(tree, span):
    """What is wrong with a name in code; None when nothing is."""
    line = re.sub(r"\s*#.*", "", span)
    if line.startswith("./dev"):
        return check_dev(tree, line.split()[1:])
    if FOREIGN.match(line):
        for preset in re.findall(r"--preset[ =](\w+)", line):
            if preset not in presets(tree):
                return f"there is no preset `{preset}`"
        return None
    if line.startswith("--"):
        option = line.split()[0].split("=")[0]
        return None if option in option_words(tree) else f"no program takes `{option}`"
    if line.startswith("build/"):
        return None  # tools/run_documented.py runs it
    if line.startswith(FOLDERS):
        return check_file(tree, line)
    # The constants of others, of CMake or of protocols, are their business. Grant's are not, nor is any
    # name that is written as C++ and grant.toml have them.
    names = re.findall(r"(?:-D|\b)(GRANT_\w+)|(?<![\w$])([a-z][a-z0-9]*_\w*)", line)
    if re.fullmatch(r"(?:\w+::)*\w+(?:\(\))?", line) and ("::" in line or "()" in line):
        names += [(word, "") for word in re.findall(r"\w+", line)]
    for pair in names:
        word = "".join(pair)
        if word not in tree.words and word not in FOREIGN_NAMES:
            return (f"no source has the name `{word}`; if it is a server's or another library's, add it to "
                    "FOREIGN_NAMES in tools/check_names.py")
    return None


# Of compilers, servers and other libraries.
FOREIGN_NAMES = {"use_awaitable", "pg_advisory_xact_lock", "snake_case", "member_",
                 "pg_notify", "setval"}


# What a driver is given by the pool, which nobody fills in.
NOT_FOR_USERS = {"ConnectOptions"}


def public_options(tree):
    """(header, struct, field) of every public struct of options."""
    for path in sorted((tree.root / "include").rglob("*.hpp")):
        header = str(path.relative_to(tree.root))
        for struct in re.findall(r"^struct (\w*(?:Options|Spec)) \{", path.read_text(), re.MULTILINE):
            for field in fields_of(tree, header, struct) if struct not in NOT_FOR_USERS else ():
                yield header, struct, field


def check(root):
    tree = Tree(root)
    keys = config_keys(tree)
    pool, engines = url_parameters(tree)
    problems = []
    if tree.text("src/registry/config.cpp"):
        problems += check_keys(tree, keys)
    if tree.text("src/driver/url_params.cpp"):
        problems += check_url_table(tree, engines)
    usage = tree.text("dev").partition("<<'TEXT'\n")[2].partition("\nTEXT\n")[0]
    problems += [f"dev: its help does not say what `{name}` does" for name in sorted(dev_commands(tree))
                 if not re.search(rf"^  {name}\b", usage, re.MULTILINE)]

    written = set()
    for page in tree.pages():
        text = tree.text(page)
        for match in FENCED.finditer(text):
            if match.group(1) == "toml":
                line = text.count("\n", 0, match.start()) + 1
                problems += check_toml(page, line, match.group(2), keys)
        for line, code in code_of(text):
            written.update(re.findall(r"(?:-D)?(\w+)", code))
            problems += check_urls(page, line, code, pool, engines)
            problem = check_span(tree, code) if "\n" not in code and not URL.search(code) else None
            if problem:
                problems.append(f"{page}:{line}: {problem}")
    problems += [f"CMakeLists.txt: no page names the option {option}"
                 for option in re.findall(r"^option\((\w+)", tree.text("CMakeLists.txt"), re.MULTILINE)
                 if option not in written]
    for path in sorted((root / "bench").glob("*.cpp")):
        problems += [f"{path.relative_to(root)}: no page names its option {option}"
                     for option in re.findall(r"add_(?:option|flag)\(\"--([\w-]+)", path.read_text())
                     if not any(f"--{option}" in tree.text(page) for page in tree.pages())]
    problems += [f"src/pool/option_fields.hpp: no page names the URL parameter `{name}`"
                 for name in sorted(pool - written)]
    problems += [f"{header}: no guide names {struct}::{field}"
                 for header, struct, field in public_options(tree) if field not in written]
    return problems


def main():
    root = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parent.parent).resolve()
    problems = check(root)
    print(*problems, sep="\n", end="\n" if problems else "")
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()
