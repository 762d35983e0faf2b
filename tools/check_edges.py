#!/usr/bin/env python3
"""Checks that time, sleep, threads and chance come in at the edge, and from nowhere else.

    tools/check_edges.py [ROOT]

What decides is given the time and the dice, and runs on what its caller hands in (io::Call::now(),
io::Runtime), so that all of it can also run in simulated time. Only the files that tools/edges.toml
lists, each with a reason, read a clock, sleep, start a thread or ask the machine for randomness by
themselves. Looks at include and src under ROOT; an entry of the list that nothing needs any more is a
mistake too.
"""

import re
import sys
import tomllib
from pathlib import Path

USES = {
    "clock": (r"Clock::system\(\)|(?:steady|system)_clock::now|high_resolution_clock|clock_gettime|gettimeofday|"
              r"(?<![\w.>:])(?:std::|::)?time\((?:nullptr|NULL|0|&)",
              "ask the call (io::Call::now()) or the runtime"),
    "sleep": (r"this_thread::sleep_\w+|nanosleep|usleep|(?<!\w)::sleep\(|(?<![\w.>:])sleep\(\d",
              "wait through the call, or io::Runtime::call_at()"),
    "thread": (r"std::j?thread\b(?!::)|std::async|pthread_create|ProcessWorkers",
               "use io::Runtime::start() or post()"),
    "random": (r"std::random_device|getrandom|arc4random|(?<![\w.>:])(?:std::|::)?s?rand\(",
               "use io::Runtime::random_bits()"),
}
# A comment may name what the code must not use, and so may text.
NO_CODE = re.compile(r'//.*|/\*.*?\*/|"(?:[^"\\\n]|\\.)*"')


def uses_of(path):
    """(line, kind, what) of each use in a file."""
    for number, line in enumerate(path.read_text().splitlines(), start=1):
        code = NO_CODE.sub('""', line)
        for kind, (pattern, _) in USES.items():
            for found in re.finditer(pattern, code):
                yield number, kind, found.group(0)


def allowed(root):
    """For each file of the list, the kinds that it may use."""
    path = root / "tools/edges.toml"
    lists = tomllib.loads(path.read_text()) if path.is_file() else {}
    files = {}
    problems = []
    for edge in lists.get("edge", []):
        files.setdefault(edge["file"], set()).update(edge["uses"])
        if not edge.get("why"):
            problems.append(f"tools/edges.toml: {edge['file']} has no reason")
    for file, kinds in lists.get("until_moved", {}).items():
        twice = files.setdefault(file, set()) & set(kinds)
        problems += [f"tools/edges.toml: {file} is there twice for {kind}" for kind in sorted(twice)]
        files[file].update(kinds)
    problems += [f"tools/edges.toml: {file}: there is no kind {kind}; there are {', '.join(USES)}"
                 for file, kinds in files.items() for kind in sorted(kinds - USES.keys())]
    return files, problems


def check(root):
    files, problems = allowed(root)
    needed = set()
    for folder in ("include", "src"):
        for path in sorted((root / folder).rglob("*.[ch]pp")):
            name = str(path.relative_to(root))
            for line, kind, what in uses_of(path):
                needed.add((name, kind))
                if kind not in files.get(name, ()):
                    problems.append(f"{name}:{line}: {what} outside of the edge: {USES[kind][1]}")
    problems += [f"tools/edges.toml: {file} needs no {kind} any more: take it off the list"
                 for file, kinds in files.items() for kind in sorted(kinds & USES.keys())
                 if (file, kind) not in needed]
    return problems


def main():
    root = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parent.parent).resolve()
    problems = check(root)
    print(*problems, sep="\n", end="\n" if problems else "")
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()
