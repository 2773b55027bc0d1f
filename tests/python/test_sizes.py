"""One idea per file, one level of abstraction per function: neither may grow beyond these lines, tests included."""

import ast
import re
import subprocess

from conftest import REPOSITORY

LONGEST_FILE = 450
LONGEST_BODY = 60

RUST_FUNCTION = re.compile(r"^(\s*)(?:pub(?:\([a-z: ]+\))? )?(?:const )?fn (\w+)")


def sources(suffix):
    listed = subprocess.run(
        ["git", "ls-files", f"*.{suffix}"], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    paths = [REPOSITORY / name for name in listed.stdout.split()]
    return [path for path in paths if "examples/al/dft" not in str(path)]


def python_bodies(text):
    """Name and number of lines of every function, its docstring left out."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef):
            first = node.body[1] if ast.get_docstring(node) and len(node.body) > 1 else node.body[0]
            yield node.name, node.end_lineno - first.lineno + 1


def rust_bodies(text):
    """Name and number of lines of every function, as rustfmt lays them out."""
    lines = text.splitlines()
    for start, line in enumerate(lines):
        if found := RUST_FUNCTION.match(line):
            opening = next(k for k in range(start, len(lines)) if lines[k].endswith(("{", ";", "}")))
            if lines[opening].endswith("{"):
                closing = lines.index(f"{found[1]}}}", opening)
                yield found[2], closing - opening - 1


def test_files_are_short():
    lengths = {
        path: len(path.read_text().splitlines()) for suffix in ("py", "rs") for path in sources(suffix)
    }
    assert not {str(path): n for path, n in lengths.items() if n > LONGEST_FILE}


def test_functions_are_short():
    found = [
        (str(path.relative_to(REPOSITORY)), name, n)
        for suffix, bodies in (("py", python_bodies), ("rs", rust_bodies))
        for path in sources(suffix)
        for name, n in bodies(path.read_text())
        if n > LONGEST_BODY
    ]
    assert not found
