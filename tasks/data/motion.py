"""Motion: where the numbers of a dataset's actions go, and how far from one step to the next."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from tasks.data.dataset_about import read_about
from tasks.data.dataset_rows import read_rows
from tasks.data.dataset_steps import StepFiles
from tasks.data.layout import DatasetError


@dataclass(frozen=True, eq=False)
class Motion:
    """Of actions [T, A], in the dataset's units."""

    low: NDArray[np.float64]
    """[A]."""
    high: NDArray[np.float64]
    step: NDArray[np.float64]
    """[A], the furthest from one step to the next."""
    steps: int = 0

    @classmethod
    def of(cls, actions: NDArray[np.float32]) -> Self:
        """Of one episode [T, A], T >= 1."""
        far = np.abs(np.diff(actions.astype(np.float64), axis=0)).max(0, initial=0.0)
        return cls(actions.min(0).astype(float), actions.max(0).astype(float), far, len(actions))

    def merged(self, other: Motion) -> Motion:
        """Of both together."""
        return Motion(
            np.minimum(self.low, other.low),
            np.maximum(self.high, other.high),
            np.maximum(self.step, other.step),
            self.steps + other.steps,
        )


def read_motion(root: Path) -> tuple[tuple[str, ...], float, Motion]:
    """Names of a dataset's actions, its rate in Hz, and where they go; no picture is decoded.

    Raises DatasetError, also for a dataset without actions or whose actions have no names.
    """
    about = read_about(root, None)
    if not about.action_names:
        raise DatasetError(f"expected actions with a name each in {root}, got none; name them in info.json")
    steps, whole = StepFiles(about), None
    for row in read_rows(about):
        actions = steps.of(row).actions()
        assert actions is not None
        one = Motion.of(actions)
        whole = one if whole is None else whole.merged(one)
    if whole is None:
        raise DatasetError(f"expected episodes in {root}, got none; record some")
    return about.action_names, about.fps, whole
