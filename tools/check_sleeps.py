#!/usr/bin/env python3
"""Checks that tests wait for what they need instead of sleeping.

    tools/check_sleeps.py [ROOT]

A sleep that is the point of a test is allowed when its line, or the one before it, says why:

    // sleeps: <reason>
"""

import re
import sys
from pathlib import Path

# Of std::this_thread and POSIX; awaiting Call::sleep_until() is not meant.
SLEEP = re.compile(r"(this_thread::sleep_for|this_thread::sleep_until|\busleep|\bnanosleep|"
                   r"(?<!\w)::sleep)\s*\(")
ALLOWED = re.compile(r"//\s*sleeps:\s*\S")
COMMENT = re.compile(r"//.*$")


def check(root):
    """The sleeps under `root`/tests that give no reason, as "file:line: why"."""
    problems = []
    for path in sorted((root / "tests").rglob("*.[ch]pp")):
        before = ""
        for number, line in enumerate(path.read_text().splitlines(), start=1):
            sleeps = SLEEP.search(COMMENT.sub("", line))
            if sleeps and not ALLOWED.search(line) and not ALLOWED.search(before):
                problems.append(f"{path.relative_to(root)}:{number}: {sleeps.group(1)}: wait for "
                                "the event, or say why with `// sleeps: <reason>`")
            before = line
    return problems


def main():
    root = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parent.parent).resolve()
    if not (root / "tests").is_dir():
        sys.exit(f"{root}: no tests here")
    problems = check(root)
    print(*problems, sep="\n", end="\n" if problems else "")
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()
