"""Inspection of a LeRobotDataset: all that a training would see of it, and every problem with its episode."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tasks.data import suspicions
from tasks.data.dataset_about import About, read_about
from tasks.data.dataset_rows import Listed, list_rows
from tasks.data.fitting import CameraView
from tasks.data.footage import Footage, FootageReader
from tasks.data.layout import STATS_PATH, DatasetError
from tasks.data.motion import Motion

SAMPLED: Final = 8
"""Frames kept of an episode, spread over it."""
ROWS: Final = 12
"""Episodes of which frames are kept, spread over the dataset."""


@dataclass(frozen=True)
class Problem:
    """What keeps a dataset from being trained on, or (a remark) what one should look at."""

    text: str
    episode: int | None = None
    """None: it is the whole dataset's."""

    def __str__(self) -> str:
        """With its episode, said once."""
        place = f"episode {self.episode}"
        return self.text if self.episode is None or place in self.text else f"{place}: {self.text}"


@dataclass
class Inspection:
    """What was found."""

    about: About | None = None
    view: CameraView = field(default_factory=CameraView)
    lengths: dict[int, int] = field(default_factory=dict)
    """Frames of each episode that can be read."""
    size: tuple[int, int] | None = None
    """Height and width of the whole picture as a training sees it, pixels."""
    tasks: Counter[str] = field(default_factory=Counter)
    """Episodes of each."""
    subtasks: Counter[str] = field(default_factory=Counter)
    """Episodes in which each occurs; empty where none are told."""
    successes: Counter[bool | None] = field(default_factory=Counter)
    """Episodes; None: it is not said."""
    motion: Motion | None = None
    """Of actions; None where there are none."""
    samples: dict[int, NDArray[np.uint8]] = field(default_factory=dict)
    """Frames [<= 8, H, W, 3] of some episodes."""
    problems: list[Problem] = field(default_factory=list)
    remarks: list[Problem] = field(default_factory=list)

    @property
    def good(self) -> bool:
        """Whether it can be trained on."""
        return not self.problems


def inspect(
    root: Path, camera: str | None = None, *, tick: Callable[[int], None] = lambda count: None
) -> Inspection:
    """Read the whole dataset as a training would, going on after each problem. Raises nothing of the data.

    Args:
        root: the dataset's folder.
        camera: as for `read_footage`.
        tick: is told of each episode how many there are.
    """
    found = Inspection()
    try:
        found.view = CameraView.parse(camera)
        found.about = read_about(root, found.view.cameras)
        reader, listed = FootageReader(found.about, found.view), list_rows(found.about)
    except DatasetError as error:
        found.problems.append(Problem(str(error)))
        return found
    if not listed:
        found.problems.append(Problem(f"expected episodes in {root}, got none; record some"))
    shown = {listed[k].number for k in np.linspace(0, len(listed) - 1, min(ROWS, len(listed))).astype(int)}
    looked = suspicions.Suspicions()
    for one in listed:
        _look(found, reader, one, looked, keep=one.number in shown)
        tick(len(listed))
    _whole(found, looked)
    return found


def _look(
    found: Inspection, reader: FootageReader, one: Listed, looked: suspicions.Suspicions, *, keep: bool
) -> None:
    """One episode."""
    if one.row is None:
        found.problems.append(Problem(str(one.fault), one.number))
        return
    try:
        footage = reader.read(one.row)
    except DatasetError as error:
        found.problems.append(Problem(str(error), one.row.number))
        return
    number, size = one.row.number, (int(footage.rgb.shape[1]), int(footage.rgb.shape[2]))
    if found.size not in (None, size):
        expected = f"expected pictures of {found.size} as before, got {size}; give --size, or record it anew"
        found.problems.append(Problem(expected, number))
        return
    found.size = size
    _count(found, number, footage, one.row.success)
    if keep:
        at = np.linspace(0, len(footage.rgb) - 1, min(SAMPLED, len(footage.rgb))).round().astype(int)
        found.samples[number] = footage.rgb[at]
    wrong, odd = looked.of(number, footage)
    found.problems += [Problem(text, number) for text in wrong]
    found.remarks += [Problem(text, number) for text in odd]


def _count(found: Inspection, number: int, footage: Footage, success: bool | None) -> None:
    found.lengths[number] = len(footage.rgb)
    found.tasks[footage.task] += 1
    # Each once; a set's order would be another each time.
    found.subtasks.update(list(dict.fromkeys(footage.subgoals)))
    found.successes[success] += 1
    if footage.actions is not None:
        motion = Motion.of(footage.actions)
        found.motion = motion if found.motion is None else found.motion.merged(motion)


def _as_told(about: About, motion: Motion) -> bool:
    """Whether the dataset's own statistics, where it has any, are those of its actions."""
    try:
        told = json.loads((about.root / STATS_PATH).read_text(encoding="utf-8"))[about.action_column]
        ends = np.array([told["min"], told["max"]], np.float64)
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return True  # nothing here reads them
    seen = np.stack([motion.low, motion.high])
    return ends.shape == seen.shape and bool(np.allclose(ends, seen, rtol=1e-3, atol=1e-3))


def _whole(found: Inspection, looked: suspicions.Suspicions) -> None:
    """What only all episodes together show."""
    about = found.about
    assert about is not None
    frames = sum(found.lengths.values())
    if found.good and about.frames not in (None, frames):
        found.remarks.append(Problem(f"expected {about.frames} frames as it says, got {frames}"))
    if found.motion is not None:
        names = about.action_names or tuple(map(str, range(len(found.motion.low))))
        still = [
            name
            for name, low, high in zip(names, found.motion.low, found.motion.high, strict=True)
            if low == high
        ]
        if still:
            found.remarks.append(
                Problem(f"expected actions that move, got {', '.join(still)} always the same")
            )
        found.remarks += [Problem(text, episode) for episode, text in looked.jumps(names)]
        if found.good and not _as_told(about, found.motion):
            found.remarks.append(
                Problem(f"{STATS_PATH} tells another range of actions than they have: write it anew")
            )
    if found.lengths and about.action is None:
        found.remarks.append(Problem("there are no actions: video is learned, and nothing of how to act"))
    if found.lengths and found.successes[None] == len(found.lengths):
        found.remarks.append(Problem("success is not said: every episode is taken for one"))
