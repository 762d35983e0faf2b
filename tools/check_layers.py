#!/usr/bin/env python3
"""Checks that includes point one way: from a layer to those below it, never up.

    tools/check_layers.py [ROOT]

Reads include/grant and src under ROOT (default: this repository), prints each include that breaks
a rule as file:line, and exits 1 when there is one.
"""

import re
import sys
from pathlib import Path

# From the bottom up. A layer may include itself and those before it.
LAYERS = ["core", "io", "asio", "driver", "pool", "cluster", "sharding", "registry", "session", "query",
          "model", "testing"]

# Where that is not strict enough: layers below that this one must leave alone.
FORBIDDEN = {
    # A query runs in a session; how the session reaches a node is not its business.
    "query": {"pool", "cluster", "sharding", "registry"},
}

# Layers that are libraries of their own, which may not be there: only they include themselves.
COMPONENTS = {"asio"}

# Folders of `driver` that are libraries of their own: only they include themselves.
ENGINES = {"postgres", "mariadb", "sqlite"}

# What the public headers must not force on everyone who includes them.
PRIVATE_DEPENDENCIES = re.compile(r"libpq|sqlite3|mysql|mariadb|fmt/|toml\+\+")

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')
SOURCES = {".hpp", ".cpp", ".h", ".ipp"}


def place(parts):
    """The (layer, engine) that a path relative to include/grant or src belongs to.

    A file beside the layers (grant.hpp) has no layer; it gathers them and may include all."""
    layer = parts[0] if len(parts) > 1 else None
    engine = parts[1] if layer == "driver" and len(parts) > 2 and parts[1] in ENGINES else None
    return layer, engine


def broken_rule(source, target):
    """Why a file at `source` must not include one at `target`; None when it may."""
    (layer, engine), (wanted, wanted_engine) = source, target
    if layer is None:
        return None
    if wanted is None:
        return f"{layer} includes the header that gathers all layers"
    if wanted not in LAYERS:
        return f"there is no layer {wanted}; LAYERS in tools/check_layers.py lists them"
    if LAYERS.index(wanted) > LAYERS.index(layer):
        return f"{layer} is below {wanted}: includes point downward only"
    if wanted in FORBIDDEN.get(layer, ()):
        return f"{layer} must not know {wanted}"
    if wanted in COMPONENTS and wanted != layer:
        return f"{wanted} is a component of its own: only its own files include it"
    if wanted_engine is not None and wanted_engine != engine:
        return f"driver/{wanted_engine} is a component of its own: only its own files include it"
    return None


def target_of(include, path, root):
    """The place that `include` in the file `path` names; None when it is not in this project."""
    if include.startswith("grant/"):
        return place(Path(include).parts[1:])
    for base in (path.parent, root / "src"):
        found = (base / include).resolve()
        if found.is_file() and found.is_relative_to(root / "src"):
            return place(found.relative_to(root / "src").parts)
    return None


def check(root):
    """The broken rules under `root`, as "file:line: why"."""
    problems = []
    public = root / "include" / "grant"
    for base in (public, root / "src"):
        for path in sorted(p for p in base.rglob("*") if p.suffix in SOURCES):
            source = place(path.relative_to(base).parts)
            name = path.relative_to(root)
            if source[0] is not None and source[0] not in LAYERS:
                problems.append(f"{name}:1: there is no layer {source[0]}; "
                                "LAYERS in tools/check_layers.py lists them")
                continue
            for number, line in enumerate(path.read_text().splitlines(), start=1):
                match = INCLUDE.match(line)
                if match is None:
                    continue
                quote, include = match.groups()
                why = None
                if base == public and quote == '"' and not include.startswith("grant/"):
                    why = 'public headers include each other as "grant/<layer>/<file>"'
                elif base == public and PRIVATE_DEPENDENCIES.match(include):
                    why = f"public headers must not need <{include}>"
                else:
                    target = target_of(include, path, root)
                    if target is not None:
                        why = broken_rule(source, target)
                if why is not None:
                    problems.append(f"{name}:{number}: {include}: {why}")
    return problems


def main():
    root = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parent.parent).resolve()
    if not (root / "include" / "grant").is_dir():
        sys.exit(f"{root}: no include/grant here")
    problems = check(root)
    print(*problems, sep="\n", end="\n" if problems else "")
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()
