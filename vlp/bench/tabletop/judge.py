"""A judge of imagined plans with separate weights: an encoder of its own, the rules of the tasks, and whether
what is shown on the way can happen. How often it is wrong: `python -m vlp.evaluate.tabletop.judge`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np

from planner import Frames, OverlapGuard, TeleportGuard, TrackGuards, UntouchedGuard, VanishGuard
from tasks.tabletop.goals.goal import BoardGoal, understand
from tasks.tabletop.seeing.encoder import PoseProbe, Remembering, SlotEncoder
from tasks.tabletop.seeing.slots import PUSHER
from vlp.bench.tabletop.judge_guards import DoubledGuard, MovedAloneGuard, PeakEye
from vlp.domains.tabletop.build import MIN_GAP, ProbeTracker, named
from vlp.models.device import choose_device
from vlp.models.weights import BUNDLED

JUMP = 0.145
"""Metres that a block may go between two frames (0.6 s); the oracle's fastest push goes 0.126."""
UNTOUCHED = 0.09
"""Metres that a block may be shoved in one clip which the subgoal does not name."""

Step = tuple[str, Frames]
"""A subgoal and its clip uint8 [T, H, W, 3]."""


@dataclass(frozen=True)
class Verdict:
    """What the judge says of a plan."""

    reward: float
    """The goal's, in the last frame: 0..1."""
    cheat: str | None
    """What on the way can't happen, or None."""

    @property
    def accepted(self) -> bool:
        """Whether the plan reaches the goal, and honestly."""
        return self.cheat is None and self.reward >= 1.0


class Judge:
    """Judges plans by a slot encoder with separate weights, of the architecture of the planner's eye and
    trained on pictures of the same kind: what both get wrong alike it does not notice.

    Args:
        encoder: the weights folder's part "judge".
    """

    def __init__(self, encoder: SlotEncoder) -> None:
        self.eye = PeakEye(encoder)
        self.probe = PoseProbe(Remembering(self.eye))
        tracker = ProbeTracker(self.probe)
        self._guards = (
            TrackGuards(
                [
                    VanishGuard(tracker, patience=2),
                    TeleportGuard(tracker, max_step=JUMP),
                    OverlapGuard(tracker, min_gap=MIN_GAP),
                    UntouchedGuard(tracker, named, tolerance=UNTOUCHED),
                ]
            ),
            DoubledGuard(self.eye),
            MovedAloneGuard(self.probe),
        )

    @classmethod
    def load(cls, weights: Path = BUNDLED, *, device: str = "cpu") -> Self:
        """The judge of a weights folder, whose hashes the caller has verified."""
        return cls(SlotEncoder.from_pretrained(weights / "judge").to(choose_device(device)).eval())

    def goal(self, text: str, start: Frames) -> BoardGoal:
        """The goal that words set on the board of a frame uint8 [H, W, 3], as the judge sees it.

        Raises UnknownInstruction.
        """
        return understand(text, {name: np.array(xy) for name, xy in self.probe.blocks(start).items()})

    def verdict(self, goal: BoardGoal, start: Frames, steps: Sequence[Step]) -> Verdict:
        """Judge a plan of one or more steps from a real frame uint8 [H, W, 3]; each step goes on from the
        last frame of the one before it."""
        cheat, here = None, start
        for number, (subgoal, clip) in enumerate(steps, 1):
            found = (guard.check(here[None], clip[None], [subgoal])[0] for guard in self._guards)
            reason = next((reason for reason in found if reason), None)
            cheat = cheat or (reason and f"step {number}: {reason}")
            here = clip[-1]
        return Verdict(self._reward(goal, here), cheat)

    def _reward(self, goal: BoardGoal, frame: Frames) -> float:
        _, where = self.probe.places(frame[None])
        blocks = {name: np.array(xy) for name, xy in self.probe.blocks(frame).items()}
        return goal.reward(blocks, [float(x) for x in where[0, PUSHER]])
