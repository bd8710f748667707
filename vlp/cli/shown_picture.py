"""Options of commands that work on pictures alone: which picture, which weights, which world."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from vlp.domains.base import DATASET, DEFAULT
from vlp.errors import FolderError, UsageError

if TYPE_CHECKING:
    from planner import Frames
    from vlp.models.learned import Learned


@dataclass(frozen=True)
class ShownPicture:
    """What was given."""

    words: str
    frame: Sequence[Path]
    models: Path | None
    world: str
    episode: int

    def check(self) -> None:
        """Before anything is loaded. Raises UsageError."""
        if not self.words.strip():
            raise UsageError("words: expected what is to happen, got nothing; say it")
        if self.models is None:
            raise UsageError("models: expected weights of vlp train world, got none; give --models PATH")
        of_dataset = self.world.startswith(DATASET)
        if not of_dataset and self.world != DEFAULT:
            raise UsageError(
                f"world: expected {DATASET}PATH with --models, got {self.world!r:.60}; give that"
            )
        if of_dataset and not Path(self.world.removeprefix(DATASET)).is_dir():
            raise UsageError(
                f"world: expected {DATASET}PATH, got {self.world!r:.80}: no such folder; check it"
            )
        if not self.frame and not of_dataset:
            raise UsageError(
                f"frame: expected --frame PICTURE or --world {DATASET}PATH, got neither; give one"
            )

    def first(self, models: Learned) -> Frames:
        """The picture to begin from, uint8 [H, W, 3]. Where both are given the dataset must be of the same
        world. Raises UsageError, FolderError and WeightsError."""
        recorded = models.first_of(self.world, self.episode) if self.world.startswith(DATASET) else None
        if self.frame:
            return models.first(self.frame)
        assert recorded is not None
        return recorded


def empty_folder(path: Path) -> Path:
    """Raises FolderError for one that is in use."""
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise FolderError(f"out: expected a new or empty folder, got {path}; choose another one")
    return path
