"""Sight of the tabletop: whether a goal is seen reached and what moved, as the camera shows the blocks."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from planner import Frames
from tasks.domain import Scene
from tasks.tabletop.goals.goal import BoardGoal, LongGoal, PushGoal, understand
from tasks.tabletop.goals.program import ProgramGoal
from tasks.tabletop.rules import BoardRules, impossible
from tasks.tabletop.seeing.encoder import PoseProbe
from tasks.tabletop.seeing.slots import PUSHER, SLOTS
from tasks.tabletop.world.board import KINDS, words_of
from vlp.domains.tabletop.branch_words import changes
from vlp.domains.tabletop.check import check_subgoal
from vlp.domains.tabletop.closer import CloserLook

SURE = 0.004
"""Metres that each block may be off, either way, before a goal counts as seen reached."""
ALIKE = 0.04
"""Metres within which every block has to end for two pictures to show one end; a block's width."""
HIDES = 0.05
"""Metres from the pusher within which it may hide part of a block from the camera."""
HIDDEN = 3.0
"""Times as far that such a block may be off: 13 mm were seen."""
CLOSELY = 0.002
"""Metres that each block may be off, either way, where a closer look (`closer`) is to say that a goal is
reached, whether the pusher is near or not: of 283 lines it found 156, and took none of 37 others for one."""
ELSEWHERE = 0.01
"""Metres from where it was at which a block has been moved; the camera is off by 2 mm."""
_SHIFTS = np.concatenate(
    [np.zeros((1, SLOTS, 2)), np.random.default_rng(0).choice([-1.0, 1.0], (8, SLOTS, 2))]
)


def reached(
    goal: BoardGoal,
    present: NDArray[np.bool_],
    where: NDArray[np.float32],
    target: Sequence[float],
    *,
    sure: float = SURE,
    hidden: float = HIDDEN,
) -> bool:
    """Whether the goal's rule holds for the blocks that were seen (presence [17], places [17, 2] in metres,
    pusher last; set point [2]), and still does when each of them is off by `sure` metres, as the probe's
    errors are; with 0, whether it seems to. Of a long goal, blocks near the pusher may be off by `hidden`
    times as much; single pushes end with the pusher at their block, and are taken as they seem."""
    near = (np.linalg.norm(where - where[-1], axis=-1) < HIDES) & (not isinstance(goal, PushGoal))
    shifts = np.where(near, hidden, 1.0)[:, None] * sure * _SHIFTS if sure else _SHIFTS[:1]
    return all(_reward(goal, present, where + shift, target) >= 1.0 for shift in shifts)


def witness(goal: ProgramGoal, present: NDArray[np.bool_], where: NDArray[np.float32]) -> None:
    """Let a goal that is done in steps go on where its present step is seen surely done."""
    boards = [
        {kind: xy for kind, xy, there in zip(KINDS, where + SURE * shift, present, strict=False) if there}
        for shift in _SHIFTS
    ]
    if all(relation.reward(board) >= 1.0 for board in boards for relation in goal.now):
        goal.witness(boards[0])


def moved(probe: PoseProbe, before: Frames, now: Frames) -> str:
    """What is elsewhere in a frame uint8 [H, W, 3] than in an earlier one, in words; empty where nothing is.
    A block that is seen in one of them only counts, unless the pusher may hide it."""
    present, where = probe.places(np.stack([before, now]))
    far = np.linalg.norm(where[1] - where[0], axis=-1)
    hidden = (np.linalg.norm(where - where[:, -1:], axis=-1) < HIDES).any(0)
    for k, kind in enumerate(KINDS):
        if present[:, k].all() and far[k] > ELSEWHERE:
            return f"the {words_of(kind)} went {far[k]:.3f} m"
        if present[0, k] != present[1, k] and not hidden[k]:
            return f"the {words_of(kind)} {'came' if present[1, k] else 'went away'}"
    return ""


def too_many(goal: BoardGoal, blocks: Collection[str], most: int) -> str | None:
    """Why a goal can't be worked at with so many blocks on the board, or None where it may. `most`: blocks
    that the models can do with."""
    if len(blocks) > most and not isinstance(goal, ProgramGoal):  # no VLM is asked about those
        return (
            f"expected at most {most} blocks on the board, got {len(blocks)}: the models see no more; "
            "take some away"
        )
    if isinstance(goal, LongGoal) and len(goal.names) > goal.task.most:
        return (
            f'expected at most {goal.task.most} blocks for "{goal.text}", got {len(goal.names)}: more do not '
            "fit; take some away"
        )
    return None


def expected_reward(
    goal: BoardGoal, present: NDArray[np.bool_], where: NDArray[np.float32], target: Sequence[float]
) -> float:
    """The goal's reward, 0..1, as it is on average when each block is off by `SURE` metres."""
    return float(np.mean([_reward(goal, present, where + SURE * shift, target) for shift in _SHIFTS]))


def _reward(
    goal: BoardGoal, present: NDArray[np.bool_], where: NDArray[np.float64], target: Sequence[float]
) -> float:
    blocks = {kind: xy for kind, xy, there in zip(KINDS, where, present, strict=False) if there}
    return goal.reward(blocks, target)


class BoardSight:
    """The tabletop's `tasks.domain.Sight`.

    Args:
        probe: sees where the blocks are.
        most_blocks: that the models can do with.
        closer: looks closer where a goal only seems reached; None: nobody does.
        rules: that goals are held against.
    """

    def __init__(
        self,
        probe: PoseProbe,
        most_blocks: int,
        closer: CloserLook | None = None,
        rules: BoardRules | None = None,
    ) -> None:
        self.probe, self.most_blocks, self.closer, self.rules = (
            probe,
            most_blocks,
            closer,
            rules or BoardRules(),
        )

    def scene(self, frame: Frames) -> Scene:
        """Block name -> (x, y) in metres."""
        return self.probe.blocks(frame)

    def understand(self, words: str, scene: Scene) -> BoardGoal:
        """See Sight."""
        places = {name: np.array(xy) for name, xy in scene.items()}
        goal = understand(words, places)
        self.admit(goal, places)
        return goal

    def admit(self, goal: BoardGoal, places: Mapping[str, NDArray[np.float64]]) -> None:
        """Raises ValueError for a goal that can't be worked at with these blocks, centres [2] in metres, or
        that the rules leave no way to reach."""
        if why := too_many(goal, places, self.most_blocks):
            raise ValueError(why)
        if why := impossible(self.rules, goal, places):
            raise ValueError(f"expected what the standing rules allow, got: {why}")

    def check_subgoal(self, words: str) -> None:
        """See Sight."""
        check_subgoal(words)

    def reached(self, goal: Any, observation: Mapping[str, Any], *, surely: bool) -> bool:
        """See Sight."""
        present, where = self.probe.places(np.asarray(observation["rgb"])[None])
        target = observation["effector_target_translation"]
        if isinstance(goal, ProgramGoal):
            witness(goal, present[0], where[0])
        return reached(goal, present[0], where[0], target, sure=SURE if surely else 0.0)

    def look_closer(self, goal: Any, observation: Mapping[str, Any]) -> bool | None:
        """See Sight. Blocks that stand as near to each other as a line allows are never surely apart at a
        glance, and nobody pushes them any further apart: without the closer look a finished line is pushed
        about until it is none."""
        if self.closer is None or isinstance(goal, PushGoal):
            return None
        if not self.reached(goal, observation, surely=False):
            return None
        frame = np.asarray(observation["rgb"])
        found, target = self.closer.places(frame), self.probe.places(frame[None])[1][0, -1]
        return found is not None and reached(goal, *found, target, sure=CLOSELY, hidden=1.0)

    def moved(self, before: Frames, now: Frames) -> str:
        """See Sight."""
        return moved(self.probe, before, now)

    def distinct(self, frames: Frames) -> list[int]:
        """See Sight; ends are alike where every block is within `ALIKE`."""
        present, where = self.probe.places(frames)
        found: list[int] = []
        for i in range(len(frames)):
            far = [np.linalg.norm(where[i] - where[j], axis=-1)[:-1] for j in found]
            both = [(present[i] & present[j])[:-1] for j in found]
            if all((gap[seen] > ALIKE).any() for gap, seen in zip(far, both, strict=True)):
                found.append(i)
        return found

    def changes(self, before: Frames, after: Frames) -> list[str]:
        """See Sight: which blocks move, how far, and to where on the board."""
        return changes(self.probe, before, after)

    def target(self, frame: Frames) -> NDArray[np.float32]:
        """Where the pusher is seen."""
        _, where = self.probe.places(frame[None])
        return np.asarray(where[0, PUSHER])
