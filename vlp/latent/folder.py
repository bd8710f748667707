"""A folder of learned weights: model of video and action, VLM and policy; its digests."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Final

from vlp.errors import WeightsError
from vlp.models.weights import Hashes

if TYPE_CHECKING:
    from video.latent.bundle import LatentBundle
    from video.latent.policy.policy import PicturePolicy

SCALE: Final = "scale.json"
VLM: Final = "vlm"
_LOADED: Final = (".safetensors", ".json")
BUNDLED_LATENT: Final = Path(__file__).parents[1] / "bundled_latent"
"""What `--models latent` means."""


STEPS: Final = 8
"""Of sampling at least: with fewer, what moves is drawn in two places."""


def opened(folder: Path, device: str, *, imagines: bool = True) -> LatentBundle:
    """The model of video and action of a folder. Raises WeightsError, also for one that only acts where it
    is to imagine."""
    from video.latent.bundle import LatentBundle, LatentWeightsError

    try:
        bundle = LatentBundle.load(folder, device)
    except LatentWeightsError as error:
        raise WeightsError(str(error)) from error
    if imagines and not bundle.is_whole and not bundle.rolls:
        raise WeightsError(
            f"models: expected what imagines in {folder}, got an action prior alone; train a rolling "
            "model, flows or dynamics beside it (vlp train world --rolling, --flow or --dynamics MINUTES), "
            "or all of it"
        )
    return bundle


def policy_of(bundle: LatentBundle, folder: Path) -> PicturePolicy:
    """The policy beside it. Raises WeightsError."""
    from video.latent.bundle import LatentWeightsError
    from video.latent.policy.policy import PicturePolicy

    try:
        return PicturePolicy.load(bundle, folder)
    except LatentWeightsError as error:
        raise WeightsError(str(error)) from error


def is_latent(folder: Path) -> bool:
    """Whether a folder holds weights of `vlp train world`."""
    return (folder / SCALE).is_file()


def verified(folder: Path | None) -> Hashes | None:
    """The digests of a folder of learned weights; None for what is none, which others then look at. Raises
    WeightsError where the learned weights that are bundled are asked for and are not there."""
    if folder == BUNDLED_LATENT and not is_latent(folder):
        raise WeightsError(
            "models: expected learned weights among the bundled ones, got none: install all of the package, "
            "or train some (docs/latent.md) and give their folder"
        )
    if folder is None or not is_latent(folder):
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
