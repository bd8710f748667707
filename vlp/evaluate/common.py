"""Shared parts of the measurements: intervals, boards, result files."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, TypeVar

import tyro

from tasks.data.layout import DatasetError
from video.latent.bundle import LatentBundle, LatentWeightsError
from vlp.errors import VlpError

Options = TypeVar("Options")
REFUSED: Final = (VlpError, LatentWeightsError, DatasetError)
"""Errors whose message is one line for who asked."""


def run_main(main: Callable[[Options], None], options: type[Options]) -> None:
    """Measure as the command line says; what cannot be measured ends with one line, as `vlp` does."""
    try:
        main(tyro.cli(options))
    except REFUSED as error:
        print(f"error: {error}", file=sys.stderr)
        code = error.exit_code if isinstance(error, VlpError) else VlpError.exit_code
        raise SystemExit(code) from None


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
