"""Architecture: arrows between packages (tasks <- video, executors <- planner <- vlp), worlds, circles."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator, Mapping
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
MAY_IMPORT = {
    "tasks": set(),
    "video": {"tasks"},
    "executors": {"tasks"},
    "planner": set(),
    "vlp": {"tasks", "video", "executors", "planner"},
}
"""Of our own packages; the planner meets the others through its protocols only."""
CONCRETE = {"torch", "diffusers", "transformers", "langgraph", "pybullet", "gymnasium", "openai"}
"""What the planner must not know."""


def imports(path: Path) -> Iterator[str]:
    """Top-level names of all imports in a file, those inside functions too."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (name.name.split(".")[0] for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield (node.module or "").split(".")[0] if not node.level else path.relative_to(ROOT).parts[0]


@pytest.mark.parametrize("package", MAY_IMPORT)
def test_arrows(package: str) -> None:
    files = sorted((ROOT / package).rglob("*.py"))
    assert files
    forbidden: set[str] = set(MAY_IMPORT) - MAY_IMPORT[package] - {package} | {"tests"}
    wrong = [
        f"{path.relative_to(ROOT)}: {name}" for path in files for name in imports(path) if name in forbidden
    ]
    assert not wrong, f"{package} may import {sorted(MAY_IMPORT[package])} of our packages; got {wrong}"


def test_the_planner_knows_no_concrete_model() -> None:
    files = sorted((ROOT / "planner").rglob("*.py"))
    wrong = [f"{path.name}: {name}" for path in files for name in imports(path) if name in CONCRETE]
    assert not wrong


def modules() -> dict[str, Path]:
    """Dotted name -> file of all our modules; a package by its own name."""
    files = [path for package in MAY_IMPORT for path in sorted((ROOT / package).rglob("*.py"))]
    names = [".".join(path.relative_to(ROOT).with_suffix("").parts) for path in files]
    return {name.removesuffix(".__init__"): path for name, path in zip(names, files, strict=True)}


def loaded(name: str, known: Mapping[str, Path]) -> set[str]:
    """Our modules that one imports, those inside functions too, but for types alone."""
    tree = ast.parse(known[name].read_text(encoding="utf-8"))
    typing = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    found: set[str] = set()
    for node in ast.walk(tree):
        if id(node) not in typing and isinstance(node, ast.ImportFrom):
            names = (f"{node.module}.{alias.name}" for alias in node.names)
            found |= {full if full in known else str(node.module) for full in names}
        elif id(node) not in typing and isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    return found & set(known) - {name}


def mentioned(path: Path) -> Iterator[str]:
    """Dotted names of all imports in a file, those for types alone too."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def foreign(known: Mapping[str, Path]) -> list[str]:
    """Imports of a world by a file that does not stand in a folder named after it."""
    worlds = {path.name for path in (ROOT / "vlp" / "domains").iterdir() if (path / "__init__.py").is_file()}
    assert "tabletop" in worlds
    return [
        f"{name} imports {full}"
        for name, path in known.items()
        for full in mentioned(path)
        for world in worlds & set(full.split("."))
        if full.split(".")[0] in MAY_IMPORT and world not in path.relative_to(ROOT).parts
    ]


def test_only_a_folder_named_after_a_world_imports_that_world() -> None:
    assert foreign(modules()) == []


def test_an_import_of_a_world_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The test before this one can fail: also of what is imported for its type, or inside a function."""
    file = tmp_path / "planner" / "search.py"
    file.parent.mkdir()
    (tmp_path / "vlp" / "domains" / "tabletop").mkdir(parents=True)
    (tmp_path / "vlp" / "domains" / "tabletop" / "__init__.py").touch()
    monkeypatch.setattr("tests.test_architecture.ROOT", tmp_path)
    for line in (
        "from tasks.tabletop.world import board",
        "def f():\n    from vlp.domains import tabletop",
        "if TYPE_CHECKING:\n    import executors.tabletop.runtime",
    ):
        file.write_text(line)
        assert len(foreign({"planner.search": file})) == 1, line


def test_no_circles_of_files() -> None:
    known = modules()
    sorter = TopologicalSorter({name: loaded(name, known) for name in known})
    sorter.prepare()  # raises CycleError, which names the files


def test_nothing_imports_the_command_line() -> None:
    known = modules()
    wrong = [
        f"{name} imports {other}"
        for name in known
        if not name.startswith(("vlp.cli", "vlp.__main__"))
        for other in loaded(name, known)
        if other.startswith("vlp.cli")
    ]
    assert wrong == []


def test_no_two_public_classes_share_a_name() -> None:
    places: dict[str, list[str]] = defaultdict(list)
    for name, path in modules().items():
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places[node.name].append(name)
    shared = {name: found for name, found in places.items() if len(found) > 1}
    assert shared == {}


def test_every_package_is_typed() -> None:
    assert all((ROOT / package / "py.typed").is_file() for package in MAY_IMPORT)
