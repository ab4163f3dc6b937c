"""Who may import whom: down only. The imports are read from the source, those inside functions included."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "paged_sim"

# From the bottom up; parts of one layer do not know each other.
LAYERS: tuple[tuple[str, ...], ...] = (
    ("wording",),
    ("__version__", "errors"),
    ("compiled", "files", "json_text", "packed", "processes", "result"),
    ("servers",),
    ("requests", "ledger", "geometry", "scenario.models", "saved", "configuration"),
    ("content", "basis"),
    ("allocators", "arena", "workloads", "oplog"),
    ("scenario",),
    ("engine", "run", "merge", "hitrate"),
    ("simulation", "changes", "moves", "testing"),
    ("pictures",),
    ("reports", "checks", "doctor", "outline"),
    ("cli", "pytest_plugin"),
    ("__main__", "__init__"),
)
HEIGHT = {part: height for height, layer in enumerate(LAYERS) for part in layer}

# Libraries that take long to import, and the files that may import them outside of a function.
HEAVY = {
    "matplotlib": (),
    "rich": (),
    "cupy": (),
    "hypothesis": ("testing/contract.py",),
    "numba": ("compiled/linking.py", "compiled/reference.py", "compiled/kept.py"),
    "llvmlite": ("compiled/linking.py", "compiled/reference.py"),
    "yaml": ("scenario/nodes.py",),
}

SOURCES = sorted(PACKAGE.rglob("*.py"))


def path_of(source: Path) -> str:
    return source.relative_to(PACKAGE).as_posix()


def part_of(module: str) -> str:
    """The part of the package that a dotted name below it belongs to."""
    return "scenario.models" if module.startswith("scenario.models") else module.split(".")[0]


def imported(nodes: Iterable[ast.AST], source: Path) -> Iterator[str]:
    """The dotted names that import statements among a file's nodes ask for."""
    folders = ("paged_sim", *source.relative_to(PACKAGE).parent.parts)
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            # One dot means the file's own folder, each further one the folder above.
            above = folders[: len(folders) - node.level + 1] if node.level else ()
            base = ".".join([*above, *([node.module] if node.module else [])])
            yield from (f"{base}.{alias.name}" for alias in node.names)


def at_import(tree: ast.Module) -> Iterator[ast.AST]:
    """The statements that run when a module is imported: not those of functions, nor those for type checkers."""
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop()
        for child in ast.iter_child_nodes(node):
            is_typing = isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING"
            if not is_typing and not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
                yield child
                waiting.append(child)


def upward(source: Path) -> Iterator[str]:
    """The imports of a file that do not go down, each in words."""
    here = part_of(".".join(source.relative_to(PACKAGE).with_suffix("").parts))
    for name in imported(ast.walk(ast.parse(source.read_text())), source):
        top, _, module = name.partition(".")
        there = part_of(module)
        if top == "paged_sim" and there != here and HEIGHT[there] >= HEIGHT[here]:
            yield f"{path_of(source)} imports {name}"


def heavy_at_import(source: Path) -> Iterator[str]:
    """The heavy libraries that importing a file would import, each in words."""
    for name in imported(at_import(ast.parse(source.read_text())), source):
        library = name.partition(".")[0]
        if path_of(source) not in HEAVY.get(library, (path_of(source),)):
            yield f"{path_of(source)} imports {name} outside of a function"


def test_every_part_has_a_layer() -> None:
    parts = {part_of(source.relative_to(PACKAGE).with_suffix("").parts[0]) for source in SOURCES}
    assert parts - {"__init__", "data"} <= set(HEIGHT)


def test_imports_go_down() -> None:
    assert [line for source in SOURCES for line in upward(source)] == []


def test_heavy_libraries_are_imported_where_they_are_used() -> None:
    assert [line for source in SOURCES for line in heavy_at_import(source)] == []


@pytest.mark.parametrize(
    ("where", "line", "found"),
    [
        ("ledger.py", "from paged_sim import engine", "ledger.py imports paged_sim.engine"),
        ("arena/host.py", "def late():\n    import paged_sim.workloads", "arena/host.py imports paged_sim.workloads"),
        (
            "engine/steps.py",
            "from ..simulation import simulate",
            "engine/steps.py imports paged_sim.simulation.simulate",
        ),
        ("engine/steps.py", "from . import queue", ""),
        ("engine/steps.py", "from paged_sim.ledger import book", ""),
        ("workloads/lengths.py", "from paged_sim.scenario.models import Variant", ""),
        (
            "workloads/lengths.py",
            "from paged_sim.scenario import load",
            "workloads/lengths.py imports paged_sim.scenario.load",
        ),
    ],
)
def test_an_import_that_goes_up_is_found(where: str, line: str, found: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "read_text", lambda path: line)
    assert list(upward(PACKAGE / where)) == ([found] if found else [])


@pytest.mark.parametrize(
    ("where", "line", "is_found"),
    [
        ("ledger.py", "import rich.table", True),
        ("ledger.py", "try:\n    import yaml\nexcept ImportError:\n    pass", True),
        ("ledger.py", "class Late:\n    import cupy", True),
        ("ledger.py", "def late():\n    import cupy", False),
        ("ledger.py", "if TYPE_CHECKING:\n    import rich", False),
        ("compiled/reference.py", "import numba", False),
        ("compiled/reference.py", "import rich", True),
    ],
)
def test_a_heavy_import_is_found(where: str, line: str, is_found: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "read_text", lambda path: line)
    assert bool(list(heavy_at_import(PACKAGE / where))) == is_found


def loaded_by(statement: str) -> set[str]:
    """The libraries in memory after a statement, in a fresh interpreter."""
    script = f"import sys\n{statement}\nprint(*{{name.partition('.')[0] for name in sys.modules}})"
    return set(
        subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.split()
    )


def test_the_command_line_starts_without_libraries() -> None:
    libraries = loaded_by("import paged_sim.cli")
    assert "click" in libraries
    assert libraries.isdisjoint({"numpy", *HEAVY})


def test_a_simulation_needs_no_compiler_and_no_drawing() -> None:
    libraries = loaded_by("import paged_sim.simulation")
    assert "numpy" in libraries
    assert libraries.isdisjoint({"numba", "llvmlite", "matplotlib", "rich", "cupy"})
