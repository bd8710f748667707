"""Demonstrations with pictures as a LeRobotDataset: play, single pushes, long tasks, failures too."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from tasks.data.layout import DatasetError
from tasks.tabletop.demos.demonstrator import Noise, Push, centers, run_long, run_push
from tasks.tabletop.demos.lerobot_write import LeRobotWriter, RecordedEpisode
from tasks.tabletop.demos.oracle import Style
from tasks.tabletop.goals import LONG_TASKS
from tasks.tabletop.goals import families as kinds
from tasks.tabletop.goals.families import FAMILIES
from tasks.tabletop.language import canonical, phrase
from tasks.tabletop.world import board
from tasks.tabletop.world.layout import random_layout, random_names
from tasks.tabletop.world.world import World

Kind = Literal["play", "push", "long"]
KINDS: Final[tuple[Kind, ...]] = ("play", "push", "long")
PLAY: Final = "play with the blocks"
"""The instruction of an episode of random pushes."""
PUSHES_A_PLAY: Final = 6
TRIES: Final = 1000
"""Pushes that are drawn in a row for one that can be done."""
HOLD: Final = 3
"""Control steps at rest that are kept after each push."""
DISTURBED: Final = 0.3
"""Share of episodes whose pushes are disturbed, so that recoveries and failures are seen."""


def collect(
    out: Path,
    *,
    episodes: int,
    kind: Kind | Literal["mixed"] = "mixed",
    first_seed: int = 0,
    families: Sequence[str] = FAMILIES,
    progress: Callable[[RecordedEpisode], object] | None = None,
) -> int:
    """Write `episodes` demonstrations to a new dataset folder; how many of them succeeded.

    Args:
        kind: "mixed" draws one of the others for each episode.
        first_seed: episode i is a function of first_seed + i, kind and families alone.
        families: of pushes and play.
        progress: called after each episode.

    Raises DatasetError for a folder that is in use or cannot be written.
    """
    seeds = range(first_seed, first_seed + episodes)
    return write(out, (demonstrate(seed, kind, families) for seed in seeds), progress)


def write(
    out: Path,
    episodes: Iterable[RecordedEpisode],
    progress: Callable[[RecordedEpisode], object] | None = None,
    *,
    fps: int = board.CONTROL_HZ,
) -> int:
    """Write episodes as they come to a new dataset folder, see `collect`; `fps` steps a second."""
    successes = 0
    with LeRobotWriter(out, fps=fps) as writer:
        for episode in episodes:
            writer.add(episode)
            successes += episode.success
            if progress is not None:
                progress(episode)
    return successes


def demonstrate(
    seed: int, kind: Kind | Literal["mixed"] = "mixed", families: Sequence[str] = FAMILIES
) -> RecordedEpisode:
    """One demonstration, always the same for a seed, a kind and families."""
    rng = np.random.default_rng(seed)
    chosen = KINDS[int(rng.integers(len(KINDS)))] if kind == "mixed" else kind
    world = World()
    try:
        names = board.BLOCK_8 if chosen == "long" else random_names(rng)
        world.place(*random_layout(rng, names))
        world.step(world.target)
        recording = StepRecorder(world, rng, drawn_noise(rng))
        return _long(recording) if chosen == "long" else _ONE[chosen](recording, families)
    finally:
        world.close()


def drawn_noise(rng: np.random.Generator) -> Noise:
    """None, or for some episodes disturbances."""
    return Noise(rate=0.12, size=0.03) if rng.random() < DISTURBED else Noise()


def _long(recording: StepRecorder) -> RecordedEpisode:
    world, rng = recording.world, recording.rng
    task = LONG_TASKS[int(rng.integers(len(LONG_TASKS)))]
    for push in run_long(world, task, rng):
        recording.run(push.settle(centers(world)))
    done = task.reward(centers(world), world.names) >= 1.0
    return recording.episode(task.instruction, done, "long")


def _push(recording: StepRecorder, families: Sequence[str]) -> RecordedEpisode:
    push = next(feasible(recording.world, recording.rng, families), None)
    if push is None:
        raise DatasetError(f"expected a push of {', '.join(families)} that can be done, got none; give more")
    text = phrase(push.instruction, sorted(centers(recording.world)), recording.rng)
    recording.run(push)
    return recording.episode(text, push.done, "push")


def _play(recording: StepRecorder, families: Sequence[str]) -> RecordedEpisode:
    done = True
    pushes = feasible(recording.world, recording.rng, families)
    for _, push in zip(range(PUSHES_A_PLAY), pushes, strict=False):
        recording.run(push)
        done &= push.done
    return recording.episode(PLAY, done, "play")


_ONE: Final = {"push": _push, "play": _play}


def feasible(world: World, rng: np.random.Generator, among: Sequence[str] = FAMILIES) -> Iterator[Push]:
    """Random pushes of some families that can be done on the board as it then is; ends when too few blocks
    are left, or none of TRIES in a row can be done."""
    tries = 0
    while len(blocks := centers(world)) >= 2 and tries < TRIES:
        tries += 1
        family = among[int(rng.integers(len(among)))]
        instruction = kinds.draw(family, rng, blocks)
        push = Push.begin(instruction, blocks, Style.sample(rng))
        done = push.succeeded(blocks, np.array(world.target))
        if not done and kinds.feasible(instruction, push.task, blocks):
            tries = 0
            yield push


@dataclass
class StepRecorder:
    """Steps of one episode as they happen, each seen before its action."""

    world: World
    rng: np.random.Generator
    noise: Noise
    rgb: list[NDArray[np.uint8]] = field(default_factory=list)
    blocks: list[NDArray[np.float32]] = field(default_factory=list)
    effector: list[NDArray[np.float32]] = field(default_factory=list)
    target: list[tuple[float, float]] = field(default_factory=list)
    subgoal: list[str] = field(default_factory=list)

    def run(self, push: Push) -> None:
        """Carry out a push, with a short rest after it."""
        text = canonical(push.instruction)
        for _ in run_push(self.world, push, self.rng, self.noise):
            self._see(text)
        for _ in range(HOLD):
            self._see(text)
            self.world.step(self.world.target)

    def _see(self, subgoal: str) -> None:
        poses = np.full((len(board.KINDS), 3), np.nan, np.float32)
        lost = self.world.lost()
        for name, pose in self.world.poses().items():
            if name not in lost:
                poses[board.KINDS.index(name)] = pose
        self.rgb.append(self.world.render())
        self.blocks.append(poses)
        self.effector.append(self.world.effector())
        self.target.append(self.world.target)
        self.subgoal.append(subgoal)

    def episode(self, instruction: str, success: bool, source: str) -> RecordedEpisode:
        """What was seen. The actions are what the set point really did, disturbances included."""
        if not self.rgb:
            self._see(instruction)
        target = np.array([*self.target, self.world.target], np.float32)
        return RecordedEpisode(
            rgb=np.stack(self.rgb),
            effector=np.stack(self.effector),
            effector_target=target[:-1],
            action=np.diff(target, axis=0),
            blocks=np.stack(self.blocks),
            instruction=instruction,
            subgoal=tuple(self.subgoal),
            success=success,
            source=source if success or source == "play" else "failure",
        )
