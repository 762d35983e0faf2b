#!/usr/bin/env python3
"""Runs the commands that README.md, CONTRIBUTING.md and docs/guide name, long ones in a short form.

    tools/run_documented.py [--list] [ROOT]

A command is what a page shows as code, in a block or in a line, and begins with ./dev, with a file of the
project, or with a program that is there. Each is run as it stands, from the root, unless FORMS says how;
one with a placeholder such as FILE that FORMS does not know is refused. So a new command in a page is
run, or stops here. --list says what would be run. Exits 1 when a command fails or is refused.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

FENCED = re.compile(r"^```(\w*)\n(.*?)^```\n", re.DOTALL | re.MULTILINE)
SPAN = re.compile(r"`([^`\n]+)`")
PLACEHOLDER = re.compile(r"\b[A-Z][A-Z]+\b|…")

# What CI does anyway, or what must not be done to the machine that this runs on.
NOTHING = []

# (what the whole command is, what to run in its place). {scratch} is a directory that goes afterwards.
FORMS = [
    # The two commands that CI consists of, and what is a part of them; see is_run_by_ci().
    (r"\./dev (test|check|lint|tidy|test versions)", NOTHING),
    (r"\./dev tidy .*", ["./dev tidy src/core/clock.cpp"]),
    (r"(\./dev fuzz \w+) \d+", [r"\1 2"]),
    (r"(\./dev bench (\w+)).*", [r"\1 --rounds 1 --min-time 1 --out {scratch}/\2.json"]),
    # What takes minutes is what ./dev check does for the oldest and the newest.
    (r"\./dev test versions (\S+)", [r"tools/postgres_installation.py \1 build/postgres"]),
    (r"(build/asan/\S+_(\w+)) FILE", [r"for file in tests/fuzz/corpus/\2/*; do \1 $file || exit 1; done"]),
    (r"cmake --workflow --preset (\w+)", [r"cmake --preset \1", r"cmake --build --preset \1",
                                          r"ctest --preset \1 -N"]),
    (r"(cmake --install \S+) --prefix \S+", [r"\1 --prefix {scratch}/prefix"]),
    # Installed where no compiler looks by itself.
    (r"(g\+\+ .*) main\.cpp (.*)",
     [r"cp tests/consumer/main.cpp {scratch} && cd {scratch} && "
      r"export PKG_CONFIG_PATH=$(dirname $(find prefix -name grant.pc)) && \1 main.cpp -o main \2 && ./main"]),
    (r"sudo apt install (.*)", [r"apt-cache show \1 >/dev/null"]),
]

# Where a page shows one engine, the other is as good; and what was started is stopped.
OTHER_ENGINE = {"postgres": "mariadb", "mariadb": "postgres"}


def commands_of(text, root):
    """The commands in a page, in its order."""
    def is_command(line, alone):
        words = line.split()
        if not words or (alone and len(words) == 1 and not words[0].startswith("./")):
            return False  # in a sentence, one word is a name
        first = words[0]
        if "/" in first:
            # In a sentence, the name of a script is that of a file.
            return first.startswith(("./", "build/")) or (os.access(root / first, os.X_OK) and
                                                          (root / first).is_file() and
                                                          not (alone and len(words) == 1))
        return re.fullmatch(r"[a-z][\w+-]*", first) is not None and shutil.which(first) is not None \
            and not re.match(r"\w+ (=|\+=|\()", line)

    found = []
    rest = text
    for language, block in FENCED.findall(text):
        if language in ("sh", "bash", "console"):
            found += [(line.strip(), False) for line in block.splitlines()]
    rest = FENCED.sub("", rest)
    for line in rest.splitlines():
        if line.startswith("    "):
            found.append((line.strip(), False))
        else:
            found += [(span, True) for span in SPAN.findall(line)]
    commands = []
    for line, alone in found:
        line = re.sub(r"\s+#\s.*", "", line)
        for part in line.split(" && "):
            if is_command(part, alone) and part != "./dev":
                commands.append(part)
    return commands


def documented(root):
    """{command: the first page that names it}"""
    pages = [p for p in (root / "README.md", root / "CONTRIBUTING.md") if p.is_file()]
    pages += sorted(root.glob("docs/guide/*.md"))
    commands = {}
    for page in pages:
        for command in commands_of(page.read_text(), root):
            commands.setdefault(command, page.relative_to(root))
    return commands


def is_run_by_ci(command, root):
    """Whether CI runs it: as a line of .ci/run, or in ./dev check."""
    if command in (root / ".ci/run").read_text().splitlines():
        return True
    check = re.search(r"^check\(\) \{\n(.*?)^\}", (root / "dev").read_text(), re.DOTALL | re.MULTILINE)
    part = command.split()[-1]
    return check is not None and re.search(rf"^  {part}\b", check.group(1), re.MULTILINE) is not None


def form_of(command, root):
    """What to run for a command: a list of shell lines; None when it is refused."""
    for pattern, lines in FORMS:
        match = re.fullmatch(pattern, command)
        if match is None:
            continue
        if lines is NOTHING:
            return NOTHING if is_run_by_ci(" ".join(command.split()[:3]), root) else None
        return [match.expand(line) for line in lines]
    return None if PLACEHOLDER.search(command) else [command]


def plan(root):
    """([(command, page, lines)], refusals)"""
    steps = []
    refused = []
    engines = set()
    for command, page in documented(root).items():
        lines = form_of(command, root)
        if lines is None:
            refused.append(f"{page}: `{command}` is not run by CI, and nothing says how to run it: "
                           "add it to FORMS in tools/run_documented.py")
            continue
        cluster = re.fullmatch(r"\./dev cluster (\w+) (.*)", command)
        if cluster and cluster.group(1) in OTHER_ENGINE:
            engines |= {cluster.group(1), OTHER_ENGINE[cluster.group(1)]}
            lines = lines + [f"./dev cluster {OTHER_ENGINE[cluster.group(1)]} {cluster.group(2)}"]
        steps.append((command, page, lines))
    for engine in sorted(engines):
        for command in (f"./dev cluster {engine} down", f"./dev cluster {engine} destroy"):
            if command not in (step[0] for step in steps):
                steps.append((command, "what was started", [command]))
    return steps, refused


def run(root, steps):
    """Runs the steps; the failures."""
    failures = []
    with tempfile.TemporaryDirectory(prefix="grant-documented-") as scratch:
        os.chmod(scratch, 0o755)  # a server may run as another user
        # A cluster of the user's own stays what it is.
        port = 16000 + os.getpid() % 90 * 20
        environment = {**os.environ, "TMPDIR": scratch}
        done = set()
        for command, page, lines in steps:
            for line in lines:
                line = line.replace("{scratch}", scratch)
                if line in done:
                    continue
                done.add(line)
                if line.startswith("./dev cluster"):
                    environment["PORT"] = str(port + (10 if " mariadb " in line else 0))
                else:
                    environment.pop("PORT", None)
                started = time.monotonic()
                result = subprocess.run(["bash", "-c", line], cwd=root, env=environment, text=True,
                                        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT, check=False)
                verdict = "ok" if result.returncode == 0 else f"FAILED ({result.returncode})"
                print(f"{time.monotonic() - started:7.1f} s  {line}  {verdict}", flush=True)
                if result.returncode != 0:
                    print("\n".join(result.stdout.splitlines()[-100:]))
                    failures.append(f"{page}: `{command}` failed")
    return failures


def main():
    arguments = [a for a in sys.argv[1:] if a != "--list"]
    root = Path(arguments[0] if arguments else Path(__file__).parent.parent).resolve()
    steps, problems = plan(root)
    if "--list" in sys.argv[1:]:
        for command, page, lines in steps:
            print(f"{page}: {command}: {'; '.join(lines) or 'CI runs it anyway'}")
    elif not problems:
        problems = run(root, steps)
    print(*problems, sep="\n", end="\n" if problems else "")
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()
