"""Moments at which what is told in words is done, and at which it clearly is not, with their beginnings."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from tasks.domain import CONTROL_HZ
from video.latent.store import FrameStore

SUBGOAL, TASK = 0, 1
"""Columns of a store's texts."""
AT_END: Final = 0.3
"""Seconds before the end of a success within which its task is done."""
NEARLY: Final = (1.0, 2.0)
"""Seconds before the end of a subgoal, of a task within which it may be done already: nothing is asked of
that."""
AFTER: Final = 0.5
"""Seconds after the end of a subgoal within which it is still done: the robot begins to go elsewhere."""
LATE: Final = 0.25
"""Share of a subgoal or task, its last, whose moments are taken for done most easily, and so asked about
often."""
BEGINNING: Final = 0.3
"""Share of the way to a moment, its first, anywhere in which it may have been begun: plans are made on the
way, too."""


class Ending(NamedTuple):
    """A frame at which words are asked about."""

    begun: int
    """A frame from which they were told."""
    shown: int
    text: int
    done: bool


class Ends:
    """Moments at which the words of a column are done, or clearly not.

    Args:
        column: SUBGOAL or TASK.
        nearly: seconds before an end of which nothing is asked; None: see NEARLY.
    """

    def __init__(self, store: FrameStore, column: int, nearly: float | None = None) -> None:
        nearly = NEARLY[column] if nearly is None else nearly
        frames = np.arange(len(store))
        episode = np.repeat(np.arange(len(store.start)), store.stop - store.start)
        stop = store.ends()[:, column]
        first = np.flatnonzero(np.diff(stop, prepend=-1))
        self.first = np.repeat(first, np.diff(np.append(first, len(store))))
        """[F] the first frame of what a frame is told."""
        length = stop - self.first
        left = stop - 1 - frames
        self.good = store.success[episode]
        """[F] whether their episode succeeded: of others nobody says when."""
        self.left = left / store.fps * CONTROL_HZ
        """[F] control steps to the end."""
        over = self.good & (left <= AT_END * store.fps)
        # Of what was done before an episode failed, nobody says when, either.
        might = self.good | (stop < store.stop[episode])
        unclear = might & ~over & (left <= nearly * store.fps)
        clear = np.flatnonzero(~unclear & ~over)
        self._clear = clear if len(clear) else np.flatnonzero(~over)
        late = np.intersect1d(np.flatnonzero(left < LATE * length), self._clear)
        self._late = late if len(late) else self._clear
        self._over = np.flatnonzero(over)
        self._texts = store.text[:, column]
        self._after = round(AFTER * store.fps) if column == SUBGOAL else 0
        self._last = store.stop[episode] - 1

    def __bool__(self) -> bool:
        """Whether there are any ends, and moments that are none."""
        return bool(len(self._over) and len(self._clear))

    @property
    def often(self) -> float:
        """See Clock: as many ends are asked about as moments that are none."""
        return len(self._clear) / len(self._over) if self else 1.0

    def draw(self, rng: np.random.Generator) -> Ending:
        """Half of them are done, where there are both; of the others, half are late."""
        half = bool(rng.random() < 1 / 2)
        done = half if self else len(self._over) > 0
        among = self._over if done else self._late if rng.random() < 1 / 2 else self._clear
        frame = int(rng.choice(among))
        after = int(rng.integers(self._after + 1)) if done else 0
        way = BEGINNING * rng.random() * (frame - self.first[frame])
        shown = min(frame + after, int(self._last[frame]))
        return Ending(int(self.first[frame] + way), shown, int(self._texts[frame]), done)
