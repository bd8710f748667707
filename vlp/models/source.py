"""Source of learned weights: what they were shown, so that nothing else is shown to them unawares."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, Self

from tasks.data.inspection import Inspection
from vlp.errors import WeightsError

FILE: Final = "source.json"


@dataclass(frozen=True, kw_only=True)
class Source:
    """A dataset as weights know it."""

    cameras: tuple[str, ...]
    """From left to right."""
    size: tuple[int, int]
    """Height and width of the whole picture, pixels."""
    fps: float
    action_names: tuple[str, ...] = ()
    action_low: tuple[float, ...] = ()
    """The dataset's units; empty where it has no actions."""
    action_high: tuple[float, ...] = ()
    tasks: tuple[str, ...] = ()
    subtasks: tuple[str, ...] = ()

    @classmethod
    def of(cls, found: Inspection, *more: Inspection) -> Self:
        """Of datasets of one robot that were looked at and are good; some may be without actions."""
        about, motion, tasks, subtasks = found.about, found.motion, found.tasks, found.subtasks
        assert about is not None and found.size is not None
        names = about.action_names
        for other in more:
            tasks, subtasks = tasks + other.tasks, subtasks + other.subtasks
            names = names or (other.about.action_names if other.about is not None else ())
            if other.motion is not None:
                motion = other.motion if motion is None else motion.merged(other.motion)
        return cls(
            cameras=tuple(one.name for one in about.cameras),
            size=found.size,
            fps=about.fps,
            action_names=names,
            action_low=() if motion is None else tuple(motion.low.tolist()),
            action_high=() if motion is None else tuple(motion.high.tolist()),
            tasks=tuple(text for text, _ in tasks.most_common()),
            subtasks=tuple(text for text, _ in subtasks.most_common()),
        )

    def save(self, folder: Path) -> None:
        """Beside the weights in a folder."""
        (folder / FILE).write_text(json.dumps(asdict(self), indent=1) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Self | None:
        """None for weights from before it was kept. Raises WeightsError for one that is damaged."""
        if not (folder / FILE).is_file():
            return None
        try:
            said: dict[str, Any] = json.loads((folder / FILE).read_text(encoding="utf-8"))
            lists: dict[str, Any] = {
                name: tuple(value) if isinstance(value, list) else value for name, value in said.items()
            }
            return cls(**lists)
        except (OSError, ValueError, TypeError, AttributeError) as error:
            raise WeightsError(
                f"models: expected {FILE} in {folder} to be whole, got {error}; train anew"
            ) from error
