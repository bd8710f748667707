"""Code digest: which code an episode was run by, from the packages' sources and without git."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path
from typing import Final

PACKAGES: Final = ("executors", "planner", "tasks", "video", "vlp")
ROOT: Final = Path(__file__).resolve().parents[2]
"""The folder in which the packages lie side by side."""


def digest_of(root: Path) -> str:
    """The names and texts of all Python sources of the packages under `root` in one SHA-256, 16 hexadecimal
    digits."""
    found = hashlib.sha256()
    for package in PACKAGES:
        for path in sorted((root / package).rglob("*.py")):
            text = path.read_bytes()
            found.update(f"{path.relative_to(root).as_posix()}\0{len(text)}\0".encode() + text)
    return found.hexdigest()[:16]


@lru_cache(maxsize=1)
def code_digest() -> str:
    """That of the code which runs, as it was when first asked for: modules do not change afterwards."""
    return digest_of(ROOT)
