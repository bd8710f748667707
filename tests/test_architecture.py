"""The arrows between packages: tasks <- video, executors <- planner <- vlp."""

from __future__ import annotations

import ast
from collections.abc import Iterator
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


def test_every_package_is_typed() -> None:
    assert all((ROOT / package / "py.typed").is_file() for package in MAY_IMPORT)
