"""What a training sees of a dataset: cameras, size, and whether it can be learned from at all."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tasks.data.dataset_about import read_about
from tasks.data.fitting import CELL, CameraView, learnable
from tasks.data.inspection import Inspection, inspect
from vlp.errors import FolderError, UsageError
from vlp.models.chosen import parse_size
from vlp.progress import Bar

_LARGEST: Final = 1024


def training_view(root: Path, camera: str | None, size: str | None) -> str | None:
    """Cameras and size as `read_footage` takes them. Raises UsageError and DatasetError.

    Args:
        camera: of the command line; None: the only one.
        size: "HxW" of the whole picture; None: as recorded where that can be learned from, else smaller.
    """
    view = CameraView.parse(camera)
    about = read_about(root, view.cameras)
    wanted = None if size is None else parse_size("size", size)
    if wanted is not None and (
        min(wanted) < 2 * CELL or max(wanted) > _LARGEST or any(n % CELL for n in wanted)
    ):
        raise UsageError(
            f"size: expected multiples of {CELL} from {2 * CELL} to {_LARGEST}, got {size}; choose such"
        )
    if wanted is None:
        told = [one.size for one in about.cameras if one.size is not None]
        wanted = view.size or (learnable(told) if len(told) == len(about.cameras) else None)
    return str(CameraView(view.cameras, wanted)) or None


def inspected(root: Path, view: str | None) -> Inspection:
    """The inspection of a dataset, with a bar."""
    with Bar("looking at the data", 1.0) as bar:
        return inspect(root, view, tick=lambda count: bar.advance(1 / count))


def checked(root: Path, view: str | None) -> Inspection:
    """The same of data that can be learned from. Raises FolderError for any other, in one line."""
    found = inspected(root, view)
    if not found.good:
        count, first = len(found.problems), found.problems[0]
        raise FolderError(
            f"data: expected a dataset that passes vlp check, got {count} problem{'s' * (count > 1)} in "
            f"{root}, the first: {first}; vlp check {root} shows all"
        )
    return found


def alike(found: Sequence[Inspection], roots: Sequence[Path]) -> Sequence[Inspection]:
    """The same datasets, if they can be learned from together. Raises FolderError for others, in one line.

    One without actions may stand beside one that has them.
    """
    pictures = [(one.size, one.about and one.about.fps) for one in found]
    acted = [one.about and one.about.action and (one.about.action, one.about.action_names) for one in found]
    for root, seen, sent in zip(roots, pictures, acted, strict=True):
        if seen != pictures[0]:
            raise FolderError(
                f"data: expected pictures of size and rate {pictures[0]} as in {roots[0]}, got {seen} in "
                f"{root}; train on datasets of one camera"
            )
        first = next((one for one in acted if one), sent)
        if sent and sent != first:
            raise FolderError(
                f"data: expected actions {first}, got {sent} in {root}; train on datasets of one robot"
            )
    return found
