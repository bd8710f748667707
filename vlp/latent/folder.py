"""A folder of learned weights: model of video and action, VLM and policy; its digests."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Final

from vlp.errors import WeightsError
from vlp.models.weights import Hashes

SCALE: Final = "scale.json"
VLM: Final = "vlm"
_LOADED: Final = (".safetensors", ".json")
BUNDLED_LATENT: Final = Path(__file__).parents[1] / "bundled_latent"
"""What `--models latent` means."""


def is_latent(folder: Path) -> bool:
    """Whether a folder holds weights of `vlp train world`."""
    return (folder / SCALE).is_file()


def verified(folder: Path | None) -> Hashes | None:
    """The digests of a folder of learned weights; None for what is none, which others then look at. Raises
    WeightsError where the learned weights that are bundled are asked for and are not there."""
    if folder is None or (folder != BUNDLED_LATENT and not is_latent(folder)):
        return None
    return verify_latent(folder)


def verify_latent(folder: Path) -> Hashes:
    """Part -> file -> SHA-256 of all that is loaded. Raises WeightsError for a folder that is none."""
    if not is_latent(folder):
        raise WeightsError(
            f"models: expected a folder of `vlp train world`, got {folder} without {SCALE}; train one first"
        )
    hashes: Hashes = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.suffix in _LOADED:
            part = (Path("learned") / path.parent.relative_to(folder)).as_posix()
            hashes.setdefault(part, {})[path.name] = hashlib.sha256(path.read_bytes()).hexdigest()
    return hashes
