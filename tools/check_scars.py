#!/usr/bin/env python3
"""Checks that clang-format has left no scars in code that people read.

    tools/check_scars.py [ROOT]

In an argument `field<&User::name> = "Ada"` clang-format 14 takes the `&` for one of a declaration, and
writes `field<& User::name>`; no setting keeps it from that. Give the field a name first, as the examples
do: `constexpr auto name = grant::field<&User::name>;`. Looks at the sources and at the pages that quote
them.
"""

import re
import sys
from pathlib import Path

SCAR = re.compile(r"\b(?:field|column)<&\s+\w+")
FOLDERS = ("include", "src", "examples", "tests", "bench", "docs")
SOURCES = {".hpp", ".cpp", ".md"}


def check(root):
    """The scars under `root`, as "file:line: why"."""
    problems = []
    paths = [path for folder in FOLDERS for path in sorted((root / folder).rglob("*"))] + sorted(root.glob("*.md"))
    for path in paths:
        if path.suffix not in SOURCES:
            continue
        for number, line in enumerate(path.read_text().splitlines(), start=1):
            for found in SCAR.findall(line):
                problems.append(f"{path.relative_to(root)}:{number}: {found}: clang-format's; give the field a "
                                "name first")
    return problems


def main():
    root = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parent.parent).resolve()
    problems = check(root)
    print(*problems, sep="\n", end="\n" if problems else "")
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()
