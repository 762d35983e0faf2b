"""What the sources say of structs of options: their fields, defaults, and the tables of their fields.

A public struct such as PoolOptions has, in src, a table of OptionField<PoolOptions, ...>: the names that
files and URLs have for its fields, and what they mean. Used by check_docs.py and check_names.py.
"""

import functools
import re

TABLE = re.compile(r"^using \w+ =\s*OptionField<\s*(\w+),.*?to_array<\w+>\(\{\n(.*?)^\}\);",
                   re.DOTALL | re.MULTILINE)
ENTRY = re.compile(r"\{\s*\.name = \"(\w+)\"(.*?)\}(?:,|\Z)\s*(?=\{|\Z)", re.DOTALL)


class Field:
    def __init__(self, name, text):
        self.name = name
        parameter = re.search(r"\.url_parameter = \"(\w+)\"", text)
        self.url_parameter = parameter.group(1) if parameter else None
        meaning = re.search(r"\.meaning =\s*((?:\"(?:[^\"\\]|\\.)*\"\s*)+)", text)
        parts = re.findall(r"\"((?:[^\"\\]|\\.)*)\"", meaning.group(1)) if meaning else []
        self.meaning = "".join(parts).replace('\\"', '"')


@functools.cache
def tables(root):
    """For each struct that has one, (the file with its table, its fields)."""
    found = {}
    for path in sorted((root / "src").glob("**/option_fields.hpp")):
        for struct, text in TABLE.findall(path.read_text()):
            fields = [Field(*entry) for entry in ENTRY.findall(text.rstrip())]
            found[struct] = (str(path.relative_to(root)), fields)
    return found


def struct_text(header, struct):
    """What stands between the braces of a plain struct, of the text of a header."""
    match = re.search(rf"^struct {struct} \{{\n(.*?)^\}};", header, re.DOTALL | re.MULTILINE)
    return match.group(1) if match else ""


def members_of(header, struct):
    """The names of its fields; what its functions have is further to the right."""
    text = re.sub(r"//.*", "", struct_text(header, struct))
    return re.findall(r"^  (?! )[\w:<>, ]+?[\w>] (\w+)(?:\{[^;]*\}| = [^;]*)?;", text, re.MULTILINE)


def default_of(header, struct, field):
    """The default of a field as grant.toml has it, such as `5s`; a number has no quotes."""
    line = re.search(rf"^  (.*[\w>]) {field}(?:\{{([^;]*)\}}| = ([^;]*));", struct_text(header, struct),
                     re.MULTILINE)
    if line is None:
        return None
    value = (line.group(2) or line.group(3) or "").replace("'", "").split("::")[-1]
    if "milliseconds" in line.group(1):
        value = span(int(value))
    return value if value.isdigit() else f"`{value}`"


def span(milliseconds):
    """As people write it."""
    if milliseconds == 0:
        return "0s"
    for unit, size in (("h", 3_600_000), ("m", 60_000), ("s", 1_000)):
        if milliseconds % size == 0:
            return f"{milliseconds // size}{unit}"
    return f"{milliseconds}ms"


def markdown(root, struct):
    """The table of a struct's fields, for a page. ValueError: there is no such table."""
    if struct not in tables(root):
        raise ValueError(f"no src/*/option_fields.hpp has a table of {struct}")
    _, fields = tables(root)[struct]
    header = next((text for path in sorted((root / "include").rglob("*.hpp"))
                   if struct_text(text := path.read_text(), struct)), "")
    rows = [f"| `{field.name}` | {default_of(header, struct, field.name)} | {field.meaning} |"
            for field in fields]
    return "\n".join(["| key | default | meaning |", "|---|---|---|", *rows]) + "\n"
