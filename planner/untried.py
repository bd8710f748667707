"""What came to nothing is not proposed again until something has changed."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from planner.protocols import Proposer
from planner.types import Frames, Proposal


class Untried:
    """A Proposer that leaves out, of what is next, subgoals that were tried on this very scene and moved
    nothing: asked again, the same policy would stand as still. Where nothing else is proposed, they are.

    Args:
        stalled: those subgoals.
    """

    def __init__(self, proposer: Proposer, stalled: Collection[str]) -> None:
        self._proposer, self._stalled = proposer, frozenset(stalled)

    def propose(
        self, frames: Frames, goal: str, histories: Sequence[Sequence[str]], n: int, *, seed: int
    ) -> list[list[Proposal]]:
        """See Proposer; more are asked for, so that as many are left."""
        if not self._stalled or any(histories):
            return self._proposer.propose(frames, goal, histories, n, seed=seed)
        more = n * (1 + len(self._stalled))
        found = self._proposer.propose(frames, goal, histories, more, seed=seed)
        return [([one for one in row if one.text not in self._stalled] or row)[:n] for row in found]
