"""Shared parts of the measurements: intervals, boards, result files."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NoReturn, TypeVar

import tyro

from tasks.data.layout import DatasetError
from video.latent.bundle import LatentBundle, LatentWeightsError
from vlp.errors import FolderError, VlpError, WeightsError
from vlp.latent.folder import opened

Options = TypeVar("Options")


def run_main(main: Callable[[Options], None], options: type[Options]) -> None:
    """Measure as the command line says; what cannot be measured ends with one line, as `vlp` does."""
    try:
        main(tyro.cli(options))
    except VlpError as error:
        _refused(error, error.exit_code)
    except LatentWeightsError as error:
        _refused(error, WeightsError.exit_code)
    except DatasetError as error:
        _refused(error, FolderError.exit_code)


def _refused(error: Exception, code: int) -> NoReturn:
    print(f"error: {error}", file=sys.stderr)
    raise SystemExit(code) from None


def write(name: str, result: Mapping[str, object], folder: Path = Path("results")) -> None:
    """Write results/<name>.json with the command that made it, and print it."""
    folder.mkdir(parents=True, exist_ok=True)
    whole = {"command": "python -m " + " ".join([_module(), *sys.argv[1:]]), **result}
    (folder / f"{name}.json").write_text(json.dumps(whole, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(whole, indent=1))


def explaining(folder: Path, device: str = "cpu") -> LatentBundle:
    """Weights of vlp train world that tell what actions lie behind a clip. Raises WeightsError for others."""
    bundle = opened(folder, device)
    if not bundle.explains:
        raise WeightsError(
            f"models: expected weights that explain clips, got others in {folder}; train them without "
            "--no-whole, or with --dynamics"
        )
    return bundle


def _module() -> str:
    spec = getattr(sys.modules["__main__"], "__spec__", None)
    return spec.name if spec else Path(sys.argv[0]).stem
