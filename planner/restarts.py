"""Restarts within a time budget: as many searches as fit, from other seeds, and the best plan of them.

Restarts rather than ever wider levels: a level is one batch that can't be cut, so a wide one would either end
long after the deadline or not be begun at all.
"""

from __future__ import annotations

import itertools
import time
from typing import Protocol

import numpy as np

from planner.types import NoPlan, Search, Tree


class Find(Protocol):
    """`planner.search.search` with all but these given."""

    def __call__(self, *, seed: int, deadline: float) -> Search: ...


def search_for(find: Find, *, seconds: float, seed: int, done_below: float = 5.0) -> Search:
    """The plan with the fewest steps-to-go (ties: the earlier one) that `find` has in `seconds`; its tree.

    The first search has `seed` itself, and its first level is always done, however long it takes; a search
    that the deadline cuts short counts with the levels that it finished. No further one is begun whose first
    level would not end in time, nor once a plan's steps-to-go are at or below `done_below` control steps.

    Raises NoPlan, the first search's, when none has a plan.
    """
    best: Search | None = None
    nothing: NoPlan | None = None
    end = time.monotonic() + seconds
    for number in itertools.count():
        begun = time.monotonic()
        try:
            found = find(seed=_seed(seed, number), deadline=end)
        except NoPlan as error:
            nothing, tree = nothing or error, error.tree
        else:
            best, tree = _better(best, found), found.tree
        now = time.monotonic()
        if now + _first_level(tree, now - begun) >= end or (best and best.plan.steps_to_go <= done_below):
            break
    if best is None:
        assert nothing is not None, "expected a search to give a plan or to raise NoPlan"
        raise nothing
    return best


def _better(best: Search | None, found: Search) -> Search:
    return found if best is None or found.plan.steps_to_go < best.plan.steps_to_go else best


def _first_level(tree: Tree, seconds: float) -> float:
    """Seconds of the first level, by its share of the clips of a search that took `seconds`."""
    return seconds * len(tree.level(1)) / max(1, len(tree.nodes))


def _seed(seed: int, number: int) -> int:
    """The seed of search `number`; the first one has the seed itself, as a search without restarts has."""
    return int(np.random.SeedSequence((seed, number)).generate_state(1)[0]) if number else seed
