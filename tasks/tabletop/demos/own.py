"""What an agent does on long tasks by itself, two pictures a second, with what a demonstrator would do next,
and how the demonstrator would go on from there, without physics (see `timelapse`).

On boards as a demonstrator leaves them behind an agent that is learned knows what is next and when all is
done; on those that it leaves behind itself, with blocks pushed off the board or shoved together, it has to
learn it (DAgger: Ross, Gordon and Bagnell, 2011).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import chain, count, islice
from pathlib import Path
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from tasks.tabletop.demos.acting import send
from tasks.tabletop.demos.beginnings import draw_layout, draw_row
from tasks.tabletop.demos.collect import write
from tasks.tabletop.demos.demonstrator import centers, choose
from tasks.tabletop.demos.left_behind import complete
from tasks.tabletop.demos.lerobot_write import RecordedEpisode
from tasks.tabletop.demos.timelapse import FPS, Timelapse, played, some_task
from tasks.tabletop.goals.base import LongTask
from tasks.tabletop.language import canonical
from tasks.tabletop.seeing.slots import pose_array
from tasks.tabletop.world import board
from tasks.tabletop.world.world import World

OWN: Final = "timelapse-own"
"""What such an episode's source is called."""
LEAST, MOST = 40, 400
"""Control steps for which an agent acts."""
PATIENCE: Final = 60
"""Control steps for which it does one thing at most."""
EVERY: Final = 2
"""Control steps until it looks again."""
_STEPS: Final = round(board.CONTROL_HZ / FPS)
Frame = NDArray[np.uint8]


class LoneAgent(Protocol):
    """Acts by what it sees alone. Frames are uint8 [H, W, 3]."""

    def next(self, frame: Frame, goal: str, seed: int) -> str:
        """What is to be done next."""
        ...

    def actions(self, frame: Frame, words: str) -> NDArray[np.float32]:
        """The next ones [k, 2] of what words say."""
        ...

    def over(self, begun: Frame, now: Frame, words: str) -> bool:
        """Whether what words say has come about since a frame."""
        ...


def collect_own(
    out: Path,
    agent: LoneAgent,
    *,
    episodes: int,
    first_seed: int = 0,
    progress: Callable[[RecordedEpisode], object] | None = None,
) -> int:
    """Write `episodes` to a new dataset folder, of first_seed, first_seed + 1 and so on, each of which gives
    one of what the agent did and, where nothing is lost, one of what a demonstrator does then; how many
    succeeded. Raises DatasetError for a folder that is in use or cannot be written."""
    found = chain.from_iterable(own(seed, agent) for seed in count(first_seed))
    return write(out, islice(found, episodes), progress, fps=FPS)


def own(seed: int, agent: LoneAgent) -> Iterator[RecordedEpisode]:
    """What an agent does on the board of a seed, and what a demonstrator would do then: always the same."""
    rng = np.random.default_rng(seed)
    world = World()
    try:
        task = some_task(rng)
        world.place(*draw_layout(rng, board.BLOCK_8, draw_row(rng, task)))
        world.step(world.target)
        steps = int(rng.integers(LEAST, MOST + 1))
        watched = _Watched(world, task, rng)
        for number in count():
            if watched.steps >= steps or watched.complete:
                break
            _try(watched, agent, seed * 1000 + number)
        if watched.film.rgb:
            yield watched.film.episode(task.instruction, watched.complete, OWN)
        if not watched.complete and not world.lost() and (later := _demonstrated(watched)) is not None:
            yield later
    finally:
        world.close()


def _try(watched: _Watched, agent: LoneAgent, seed: int) -> None:
    """Let it do one thing. Once all is done nothing is seen but the end of that."""
    begun, first = watched.frame, watched.steps
    words = agent.next(begun, watched.task.instruction, seed)
    while watched.steps - first < PATIENCE:
        for action in agent.actions(watched.frame, words)[:EVERY]:
            watched.send(action)
        if agent.over(begun, watched.frame, words):
            break
    if watched.complete:
        watched.see()


def _demonstrated(watched: _Watched) -> RecordedEpisode | None:
    """From where it got, without physics."""
    film = Timelapse(watched.world, watched.rng, centers(watched.world), np.array(watched.world.target))
    film.yaw = {name: float(pose[2]) for name, pose in watched.world.poses().items()}
    done = list(played(watched.task, film))
    if not film.rgb:
        return None
    return film.episode(watched.task.instruction, all(done) and complete(watched.task, film.blocks), OWN)


@dataclass
class _Watched:
    """A board on which an agent acts, filmed."""

    world: World
    task: LongTask
    rng: np.random.Generator
    steps: int = 0
    frame: Frame = field(init=False)
    film: Timelapse = field(init=False)
    complete: bool = False
    _words: str = ""

    def __post_init__(self) -> None:
        self.film = Timelapse(self.world, self.rng, centers(self.world), np.array(self.world.target))
        self.frame = self.world.render()
        self.see()

    def send(self, action: NDArray[Any]) -> None:
        """One control step."""
        send(self.world, action)
        self.steps += 1
        self.complete = complete(self.task, centers(self.world))
        self.frame = self.world.render()
        if self.steps % _STEPS == 0 and not self.complete:
            self.see()

    def see(self) -> None:
        """A picture, with what a demonstrator would do: the same as before while that is of use."""
        subgoals = self.task.subgoals(blocks := centers(self.world))
        said = {canonical(subgoal.instruction) for subgoal in subgoals}
        if self._words not in said and subgoals:
            self._words = canonical(choose(subgoals, self.rng).instruction)
        if self._words:
            poses = {name: pose for name, pose in self.world.poses().items() if name in blocks}
            self.film.add(self.frame, pose_array(poses), np.array(self.world.target), self._words)
