"""Shared parts of the measurements: intervals, boards, result files."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path


def write(name: str, result: Mapping[str, object], folder: Path = Path("results")) -> None:
    """Write results/<name>.json with the command that made it, and print it."""
    folder.mkdir(parents=True, exist_ok=True)
    whole = {"command": "python -m " + " ".join([_module(), *sys.argv[1:]]), **result}
    (folder / f"{name}.json").write_text(json.dumps(whole, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(whole, indent=1))


def _module() -> str:
    spec = getattr(sys.modules["__main__"], "__spec__", None)
    return spec.name if spec else Path(sys.argv[0]).stem
