"""Imports follow the table of levels in CONTRIBUTING.md, and no files import each other in a circle."""

import ast
import re
from pathlib import Path

import pytest
from conftest import REPOSITORY

PACKAGE = REPOSITORY / "python" / "mlip_rs"
ROW = re.compile(r"^\| (\d+) \| (.+?) \|")


def levels():
    """Level of each folder or module directly below the package, by the table."""
    found = {}
    for line in (REPOSITORY / "CONTRIBUTING.md").read_text(encoding="utf-8").splitlines():
        if row := ROW.match(line):
            for name in re.findall(r"`([^`]+)`", row[2]):
                found[name.rstrip("/")] = int(row[1])
    return found


def module_of(path: Path) -> str:
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports():
    """What each module imports of the package, wherever in the file it does so, for types only included."""
    files = {module_of(path): path for path in PACKAGE.rglob("*.py")}
    graph = {module: set() for module in files}
    for module, path in files.items():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = (
                [alias.name for alias in node.names] if isinstance(node, ast.Import | ast.ImportFrom) else []
            )
            if isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{module}: relative import"
                names = [
                    f"{node.module}.{name}" if f"{node.module}.{name}" in files else node.module
                    for name in names
                ]
                if node.module == "mlip_rs" and [alias.name for alias in node.names] == ["_core"]:
                    continue
            graph[module] |= {name for name in names if name in files and name != module}
    return graph


def room(module: str) -> str:
    """The folder or module directly below the package; the package itself is the facade over all of them."""
    return module.split(".")[1] if "." in module else "mlip_rs"


def test_every_folder_has_a_level():
    assert {room(module) for module in imports()} <= set(levels())


def test_imports_point_to_lower_levels():
    level = levels()
    upward = [
        f"{module} imports {target}"
        for module, targets in imports().items()
        for target in targets
        if room(module) != room(target) and level[room(target)] >= level[room(module)]
    ]
    assert not upward


def test_no_files_import_each_other_in_a_circle():
    graph, done = imports(), set()

    def visit(module, path):
        if module in path:
            pytest.fail(" → ".join([*path[path.index(module) :], module]))
        if module not in done:
            for target in sorted(graph[module]):
                visit(target, [*path, module])
            done.add(module)

    for module in sorted(graph):
        visit(module, [])
