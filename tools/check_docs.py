#!/usr/bin/env python3
"""Keeps what documents quote of the sources equal to them: code, and the tables of options.

A fenced block that follows `<!-- path [region] -->` must hold the lines between the two lines that end
in `[region]` in that file, without their common indentation; without a region, the whole file.
A table that follows `<!-- options NAME -->` must be the one that the sources have of the struct NAME.
`--fix` writes both. Also checks that relative links lead somewhere. Takes the folder to check; the
project's own otherwise.
"""

import pathlib
import re
import sys
import textwrap

import option_fields

QUOTE = re.compile(r"<!-- (\S+?)(?: \[(\w+)\])? -->\n```(\w*)\n(.*?)```\n", re.DOTALL)
OPTIONS = re.compile(r"<!-- options (\w+) -->\n((?:\|[^\n]*\n)*)")
FENCED = re.compile(r"^```.*?^```", re.DOTALL | re.MULTILINE)  # a lambda looks like a link
LINK = re.compile(r"\]\(([^)#]+)(?:#[^)]*)?\)")


def quoted(root, path, region):
    text = (root / path).read_text()
    if region is None:
        return text
    parts = re.split(rf"^[^\n]*\[{region}\]\n", text, flags=re.MULTILINE)
    if len(parts) != 3:
        raise ValueError(f"{path} has no region [{region}]")
    return textwrap.dedent(parts[1])


def check(root, fix):
    failures = []
    for page in sorted([*root.glob("*.md"), *root.glob("docs/**/*.md")]):
        text = page.read_text()
        name = page.relative_to(root)

        def replace(match):
            path, region, language, _ = match.groups()
            try:
                code = quoted(root, path, region)
            except (OSError, ValueError) as error:
                failures.append(f"{name}: {error}")
                return match.group(0)
            where = f"{path} [{region}]" if region else path
            return f"<!-- {where} -->\n```{language}\n{code}```\n"

        def replace_table(match):
            try:
                return f"<!-- options {match.group(1)} -->\n{option_fields.markdown(root, match.group(1))}"
            except ValueError as error:
                failures.append(f"{name}: {error}")
                return match.group(0)

        fixed = OPTIONS.sub(replace_table, QUOTE.sub(replace, text))
        if fixed != text:
            if fix:
                page.write_text(fixed)
            else:
                failures.append(f"{name}: what it quotes differs from the sources; run tools/check_docs.py --fix")
        for target in LINK.findall(FENCED.sub("", text)):
            if "://" not in target and not (page.parent / target).exists():
                failures.append(f"{name}: the link {target} leads nowhere")
    return failures


if __name__ == "__main__":
    arguments = [a for a in sys.argv[1:] if a != "--fix"]
    tree = pathlib.Path(arguments[0] if arguments else __file__).resolve()
    problems = check(tree if arguments else tree.parent.parent, "--fix" in sys.argv[1:])
    for problem in problems:
        print(problem)
    sys.exit(1 if problems else 0)
