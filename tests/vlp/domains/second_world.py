"""The second world of docs/extending.md, written out and installed as its reader would."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Final

from tests.conftest import ROOT

PAGE: Final = ROOT / "docs" / "extending.md"
BLOCK: Final = re.compile(r"^```(\w+)(?: (\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks() -> list[tuple[str, str, str]]:
    """Language, file name (empty: to be run as it is) and text of each block of the page."""
    return BLOCK.findall(PAGE.read_text(encoding="utf-8"))


def scripts() -> list[str]:
    """Blocks that are no files."""
    return [text for language, name, text in blocks() if language == "python" and not name]


def install(folder: Path) -> Path:
    """Write the package into a folder, beside what pip makes of its pyproject.toml; the folder."""
    for _, name, text in blocks():
        if name:
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    project = tomllib.loads((folder / "pyproject.toml").read_text())["project"]
    told = folder / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    told.mkdir()
    (told / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
    )
    lines = [
        line
        for group, points in project["entry-points"].items()
        for line in (f"[{group}]", *(f"{name} = {where}" for name, where in points.items()))
    ]
    (told / "entry_points.txt").write_text("\n".join(lines) + "\n")
    return folder
