"""Guards that explain a clip by actions and predict it again from them: what no actions explain is a cheat.

They know no world and no model; whoever gives them one tells by what its clips are explained.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from planner.guards.pixels import Reasons
from planner.types import Frames

_NOISE: Final = 2.0
"""Levels (of 255) by which pixels differ that nobody would tell apart."""


class ActionModel(Protocol):
    """Actions of clips, and clips of actions. N clips of T frames."""

    def explain(self, frames: Frames, clips: Frames, seeds: Sequence[int]) -> NDArray[np.float32]:
        """First frames uint8 [N, H, W, 3] and clips uint8 [N, T, H, W, 3] to actions [N, S, A]."""
        ...

    def predict(self, frames: Frames, actions: NDArray[np.float32], seeds: Sequence[int]) -> Frames:
        """Actions [N, S, A] to clips uint8 [N, T, H, W, 3]."""
        ...

    def redraw(self, frames: Frames) -> Frames:
        """Frames uint8 [N, H, W, 3] as well as the model can draw them, which is how they are compared."""
        ...


def unexplained(starts: Frames, clips: Frames, again: Frames) -> NDArray[np.float64]:
    """How differently two clips go on from the same start, [N]: 0 alike, 1 as if they moved other pixels, up
    to 2 where they move the same ones in opposite ways.

    The squared difference over the sum of the squared changes of each; where neither moves they are alike.
    """
    begin = starts[:, None].astype(np.float32)
    one, other = clips.astype(np.float32) - begin, again.astype(np.float32) - begin
    axes = tuple(range(1, one.ndim))
    noise = _NOISE**2 * one[0].size if len(one) else 1.0
    whole = (one**2).sum(axes) + (other**2).sum(axes)
    return np.asarray(((one - other) ** 2).sum(axes) / (whole + noise), np.float64)


@dataclass(frozen=True, eq=False)
class Explained:
    """Clips and what came of predicting them again, all as the model draws them."""

    starts: Frames
    """uint8 [N, H, W, 3]; clips: uint8 [N, T, H, W, 3]."""
    clips: Frames
    again: tuple[Frames, ...]
    """K predictions, uint8 [N, T, H, W, 3] each, by a seed of its own."""


def explain_clips(model: ActionModel, starts: Frames, clips: Frames, seeds: Sequence[int]) -> Explained:
    """Explain clips once and predict them again once a seed.

    What is compared is drawn by the model alike: it may blur what a camera sees, and that is no motion.
    """
    actions = model.explain(starts, clips, [seeds[0]] * len(starts))
    again = []
    for seed in seeds:
        found = model.predict(starts, actions, [seed] * len(starts))
        assert found.shape == clips.shape, f"predict: expected clips {clips.shape}, got {found.shape}"
        again.append(found)
    drawn = model.redraw(clips.reshape(-1, *clips.shape[2:])).reshape(clips.shape)
    return Explained(model.redraw(starts), drawn, tuple(again))


def inconsistency(explained: Explained) -> NDArray[np.float64]:
    """[N] how far clips are from their predictions, the nearest of them: see `unexplained`."""
    parts = [unexplained(explained.starts, explained.clips, again) for again in explained.again]
    return np.asarray(np.min(parts, axis=0))


def disagreement(explained: Explained) -> NDArray[np.float64]:
    """[N] how far the predictions of each clip are from each other, on the mean: see `unexplained`.

    Raises ValueError for fewer than two predictions.
    """
    if len(explained.again) < 2:
        raise ValueError(f"disagreement: expected 2 or more seeds, got {len(explained.again)}; give more")
    pairs = combinations(explained.again, 2)
    return np.asarray(np.mean([unexplained(explained.starts, a, b) for a, b in pairs], axis=0))


@dataclass(frozen=True)
class ExplainedGuard(ABC):
    """A guard of explained clips. `ExplainedGuards` lets several share one explanation."""

    model: ActionModel
    limit: float
    """Clips above it are dropped; see `vlp.evaluate.latent_guards` for how it is found."""
    seeds: tuple[int, ...] = (0, 1)
    """Of the predictions."""

    def check(self, starts: Frames, clips: Frames, subgoals: Sequence[str]) -> Reasons:
        return self.check_explained(explain_clips(self.model, starts, clips, self.seeds))

    @abstractmethod
    def check_explained(self, explained: Explained) -> Reasons:
        """For each clip None or the reason to drop it."""


@dataclass(frozen=True)
class InverseConsistencyGuard(ExplainedGuard):
    """Drops clips that no actions explain: predicted again from those found for them, they look otherwise."""

    def check_explained(self, explained: Explained) -> Reasons:
        return [
            f"its own actions do not lead to it ({score:.2f}, at most {self.limit:.2f})"
            if score > self.limit
            else None
            for score in inconsistency(explained)
        ]


@dataclass(frozen=True)
class DisagreementGuard(ExplainedGuard):
    """Drops clips of which the model does not know what comes of their actions: its predictions by several
    seeds differ."""

    def check_explained(self, explained: Explained) -> Reasons:
        return [
            f"what its actions lead to is not known ({score:.2f}, at most {self.limit:.2f})"
            if score > self.limit
            else None
            for score in disagreement(explained)
        ]


class ExplainedGuards:
    """Several guards of one model and the same seeds, for the cost of one.

    Raises ValueError for none, or for guards that differ in these.
    """

    def __init__(self, guards: Sequence[ExplainedGuard]) -> None:
        self.guards = tuple(guards)
        if not self.guards or any(
            (guard.model, guard.seeds) != (self.guards[0].model, self.guards[0].seeds)
            for guard in self.guards
        ):
            raise ValueError(
                f"ExplainedGuards: expected guards of one model and the same seeds, got {list(self.guards)}; "
                "give others to the search one by one"
            )

    def check(self, starts: Frames, clips: Frames, subgoals: Sequence[str]) -> Reasons:
        first = self.guards[0]
        explained = explain_clips(first.model, starts, clips, first.seeds)
        found = [guard.check_explained(explained) for guard in self.guards]
        return [next((reason for reason in reasons if reason), None) for reasons in zip(*found, strict=True)]
