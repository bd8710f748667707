"""When a goal counts as seen reached: surely, or only as it seems."""

from __future__ import annotations

import numpy as np

from tasks.tabletop.goals.goal import understand
from tasks.tabletop.seeing.slots import SLOTS
from tasks.tabletop.world.board import BLOCK_8, KINDS
from vlp.domains.tabletop.sight import reached


def test_a_goal_that_is_only_just_reached_seems_so_but_not_surely() -> None:
    present, where = np.zeros(SLOTS, bool), np.zeros((SLOTS, 2), np.float32)
    for i, kind in enumerate(BLOCK_8):
        present[KINDS.index(kind)] = True
        where[KINDS.index(kind)] = (0.2 + 0.01 * i, -0.2)
    goal = understand("move all blocks to the top left corner", {kind: np.zeros(2) for kind in BLOCK_8})
    assert reached(goal, present, where, (0.3, 0.2))
    where[KINDS.index(BLOCK_8[0])] = (0.2, -0.008)
    assert reached(goal, present, where, (0.3, 0.2))
    where[-1] = (0.22, 0.02)  # the pusher may hide that it is not
    assert not reached(goal, present, where, (0.3, 0.2))
    where[-1] = 0.0
    where[KINDS.index(BLOCK_8[0])] = (0.2, -0.001)
    assert reached(goal, present, where, (0.3, 0.2), sure=0.0)
    assert not reached(goal, present, where, (0.3, 0.2))
    where[KINDS.index(BLOCK_8[0])] = (0.2, 0.001)
    assert not reached(goal, present, where, (0.3, 0.2), sure=0.0)
