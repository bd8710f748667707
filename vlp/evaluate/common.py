"""Shared parts of the measurements: intervals, boards, result files."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path

from video.latent.bundle import LatentBundle


def write(name: str, result: Mapping[str, object], folder: Path = Path("results")) -> None:
    """Write results/<name>.json with the command that made it, and print it."""
    folder.mkdir(parents=True, exist_ok=True)
    whole = {"command": "python -m " + " ".join([_module(), *sys.argv[1:]]), **result}
    (folder / f"{name}.json").write_text(json.dumps(whole, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(whole, indent=1))


def explaining(folder: Path, device: str = "cpu") -> LatentBundle:
    """Weights of vlp train world that tell what actions lie behind a clip; ends with one line for others."""
    bundle = LatentBundle.load(folder, device)
    if not bundle.explains:
        raise SystemExit(
            f"models: expected weights that explain clips, got others in {folder}; train them without "
            "--no-whole, or with --dynamics"
        )
    return bundle


def _module() -> str:
    spec = getattr(sys.modules["__main__"], "__spec__", None)
    return spec.name if spec else Path(sys.argv[0]).stem
