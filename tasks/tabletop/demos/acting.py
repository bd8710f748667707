"""How a policy acts by itself in demonstrations that begin where it got."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tasks.tabletop.demos.demonstrator import Push, centers, run_push
from tasks.tabletop.language import canonical
from tasks.tabletop.world import board
from tasks.tabletop.world.world import Snapshot, World

STEPS: Final = 80
"""Control steps at most for which the policy acts."""
LAST: Final = 10
"""Places before a block was lost from which the expert takes over, where it was."""
_LOW, _HIGH = (np.array([low, high]) for low, high in zip(board.EFFECTOR_X, board.EFFECTOR_Y, strict=True))

Frame = NDArray[np.uint8]
CorrectedPolicy = Callable[[Frame, Frame | None, str], NDArray[np.float32]]
"""From a frame now and a frame wanted, uint8 [H, W, 3] each, the second None where words alone are told, and
words to actions float32 [k, 2]."""


def outcome(world: World, push: Push, rng: np.random.Generator) -> Frame:
    """What is seen once the expert did a push; the board is as before then."""
    before = world.save()
    own = replace(push, steps=0)
    for _ in run_push(world, own, rng):
        pass
    seen = world.render()
    world.restore(before)
    return seen


def send(world: World, action: NDArray[np.float32]) -> None:
    """One control step of an action [2], as far as a robot may go."""
    moved = np.clip(action, -board.MAX_DELTA, board.MAX_DELTA)
    world.step(np.clip(np.array(world.target) + moved, _LOW, _HIGH))


@dataclass(frozen=True)
class Attempt:
    """How a policy went on."""

    places: list[Snapshot]
    """Every few control steps."""
    there: bool
    """Whether it did what it was asked, at the end."""
    lost: bool
    """Whether it pushed a block off the board after the last of these places."""

    def taken(self, most: int, rng: np.random.Generator) -> list[Snapshot]:
        """Those from which the expert takes over: any, or the last ones before a block was lost."""
        if self.lost:
            return self.places[-LAST:]
        return [self.places[k] for k in sorted(rng.permutation(len(self.places))[:most])]


def act(
    world: World,
    push: Push,
    policy: CorrectedPolicy,
    wanted: Frame | None,
    every: int,
) -> Attempt:
    """Where a policy that looks again every so many control steps gets until it is there or a block is lost.
    Shown a goal it is to stay there, and goes on.

    Told in words it is there once what they say holds that did not before. Which of many places the one who
    demonstrates would choose they do not say: of a block that is on the line and not at that place, a policy
    that was told on pushed it until it was lost.
    """
    places: list[Snapshot] = []
    there = False
    held = push.succeeded(centers(world), np.array(world.target))
    words, gone = canonical(push.instruction), world.lost()
    for _ in range(STEPS // every):
        for action in policy(world.render(), wanted, words)[:every]:
            send(world, action)
        if world.lost() - gone:
            return Attempt(places, False, True)
        now = centers(world), np.array(world.target)
        there = push.finished(*now) or (wanted is None and not held and push.succeeded(*now))
        if there and wanted is None:
            break
        places.append(world.save())
    return Attempt(places, there, False)
