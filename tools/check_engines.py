#!/usr/bin/env python3
"""Checks that the drivers are alike: the folders of the engines hold files of the same names.

    tools/check_engines.py [ROOT]

What one has in a file, the others have in a file of that name, whatever its endings: `execute` is in
src/driver/postgres/execute.cpp, src/driver/mariadb/execute.cpp and src/driver/sqlite/execute.cpp.
OWN says which files an engine has alone, and why. Prints what is missing, and exits 1 then.
"""

import re
import sys
from pathlib import Path

# The class in each engine's files, {} being the engine's name.
CLASSES = {"connection": "{}Connection", "driver": "{}Driver", "result": "{}Result",
           "settings": "Settings"}

NAMES = {"postgres": "Postgres", "mariadb": "Mariadb", "sqlite": "Sqlite"}

# Files that not all engines have, and why.
OWN = {
    "postgres": {
        "channel": "libpq leaves the waiting and the order of the answers to its caller",
        "decode": "libpq hands on the protocol's bytes",
        "effects": "servers do not say before what a statement will do: its text does",
        "encode": "libpq takes the protocol's bytes",
        "greeting": "what a server says before the login is looked at first",
        "kept_rows": "libpq's results are too large to keep many of them",
        "numeric": "a number of its own in the protocol's bytes",
        "pipeline": "the protocol takes many statements in one round trip",
        "position": "others follow its log",
        "received": "libpq does not say how much it has read",
    },
    "mariadb": {
        "batch": "one message takes many rows for a statement",
        "effects": "servers do not say before what a statement will do: its text does",
        "greeting": "what a server says before the login is looked at first",
        "lexer": "the placeholders are ?, not $1",
        "no_sigpipe": "libmariadb writes to sockets without keeping the signal away",
        "position": "others follow its log",
        "reading": "libmariadb reads for as long as something comes",
    },
    "sqlite": {
        "functions": "functions that servers have",
        "lexer": "looking for $1 by its name takes too long",
        "offloaded": "it works on the thread of its caller, and an event loop must not stand still",
        "refresher": "it has no replication",
    },
}


def stems(folder):
    return {path.stem for path in folder.iterdir() if path.suffix in {".hpp", ".cpp"}}


def check(root):
    """What breaks the rule under `root`, as "file: why"."""
    problems = []
    found = {}
    for engine, own in OWN.items():
        folder = root / "src" / "driver" / engine
        present = stems(folder)
        for name in sorted(own.keys() - present):
            problems.append(f"src/driver/{engine}/{name}: there is none, but OWN in "
                            "tools/check_engines.py says why")
        found[engine] = present - own.keys()
        for stem, form in CLASSES.items():
            wanted = form.format(NAMES[engine])
            text = "".join(path.read_text() for path in sorted(folder.glob(f"{stem}.[hc]pp")))
            if stem in present and not re.search(rf"\b(class|struct) {wanted}\b", text):
                problems.append(f"src/driver/{engine}/{stem}: it has no {wanted}")
    for name in sorted(set().union(*found.values())):
        for engine in OWN:
            if name in found[engine]:
                continue
            others = " and ".join(other for other in OWN if name in found[other])
            problems.append(f"src/driver/{engine}/{name}: there is none, but {others} has one; say "
                            "why in OWN in tools/check_engines.py, or make them alike")
    return problems


def main():
    root = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parent.parent).resolve()
    problems = check(root)
    print(*problems, sep="\n", end="\n" if problems else "")
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()
