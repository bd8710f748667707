"""Demonstrations with pictures as a LeRobotDataset: experts, disturbed experts, and play."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from tasks.data.lerobot_layout import Schema
from tasks.data.lerobot_write import DatasetWriter
from tasks.domain import CONTROL_HZ
from tasks.metaworld.catalog import CAMERAS, EVALUATION, PLAY, TASKS, SawyerTask
from tasks.metaworld.env import SIZE, SawyerEnv
from tasks.metaworld.expert import Act, Disturbed, Wandering, expert
from tasks.metaworld.protocol import play

SawyerKind = Literal["expert", "disturbed", "play", "mixed"]
SAWYER_KINDS: Final[tuple[SawyerKind, ...]] = get_args(SawyerKind)
MIX: Final = {"expert": 0.6, "disturbed": 0.25, "play": 0.15}
"""Shares of the kinds in "mixed"."""
LONGEST: Final = {"expert": 250, "disturbed": 350, "play": 120}
"""Control steps of an episode."""
TRIES: Final = 10
STEP: Final = 100_003
"""From the seed of a layout on which the expert failed to that of the next."""
SCHEMA: Final = Schema(
    "metaworld_sawyer",
    "observation.images.camera",
    {
        "observation.state": (
            *("hand_x", "hand_y", "hand_z", "gripper"),
            *("target_x", "target_y", "target_z", "target_gripper"),
        ),
        "action": ("x", "y", "z", "gripper"),
    },
)  # fmt: skip


@dataclass(frozen=True)
class SawyerEpisode:
    """T >= 1 steps, the frame and the state of each taken before its action."""

    rgb: NDArray[np.uint8]
    """[T, H, W, 3]."""
    state: NDArray[np.float32]
    """[T, 8], where the hand is and its set point, see SawyerEnv."""
    action: NDArray[np.float32]
    """[T, 4] in -1..1."""
    instruction: str
    success: bool
    source: str
    """Of the kinds."""
    about: Mapping[str, Any]
    """Task, camera and layout's seed."""

    @property
    def subgoal(self) -> tuple[str, ...]:
        """The task itself at each step: what is said at test time is said in training."""
        return (self.instruction,) * len(self)

    def __len__(self) -> int:
        return len(self.rgb)

    def vectors(self) -> dict[str, NDArray[np.float32]]:
        """See tasks.data.lerobot_write.Recording."""
        return {"observation.state": self.state, "action": self.action}


@dataclass
class _Steps:
    rgb: list[NDArray[np.uint8]] = field(default_factory=list)
    state: list[NDArray[np.float32]] = field(default_factory=list)
    action: list[NDArray[np.float32]] = field(default_factory=list)

    def add(self, observation: dict[str, Any], action: NDArray[np.float32]) -> None:
        self.rgb.append(observation["rgb"])
        self.state.append(np.concatenate([observation["hand"], observation["target"]]))
        self.action.append(action)


class SawyerDemonstrations:
    """Makes episodes; keeps the environments of tasks that it has used.

    Args:
        size: pixels a side.
    """

    def __init__(self, *, size: int = SIZE) -> None:
        self._size = size
        self._envs: dict[str, SawyerEnv] = {}

    def episode(self, task: SawyerTask, camera: str, *, seed: int, kind: SawyerKind) -> SawyerEpisode:
        """One, a function of its arguments. Where the expert fails, another layout is its turn; after
        `TRIES` of them the failure is what is returned. Raises ValueError for a seed of the evaluation's."""
        if not 0 <= seed < EVALUATION:
            raise ValueError(
                f"expected a seed from 0 to {EVALUATION - 1}, got {seed}: others are to be evaluated"
            )
        rng = np.random.default_rng(seed)
        drawn = str(rng.choice(list(MIX), p=list(MIX.values()))) if kind == "mixed" else kind
        for number in range(TRIES):
            layout = (seed + number * STEP) % EVALUATION
            found = self._played(task, camera, layout, drawn, rng)
            if found.success or drawn == "play":
                break
        return found

    def _played(
        self, task: SawyerTask, camera: str, layout: int, kind: str, rng: np.random.Generator
    ) -> SawyerEpisode:
        env, steps = self._env(task, camera), _Steps()
        actor = self._actor(task, kind, rng)
        played = play(env, lambda _: actor(env), seed=layout, most_steps=LONGEST[kind], seen=steps.add)
        return SawyerEpisode(
            rgb=np.stack(steps.rgb),
            state=np.stack(steps.state),
            action=np.stack(steps.action),
            instruction=PLAY if kind == "play" else task.text,
            success=played.success and kind != "play",
            source=kind,
            about={"metaworld_task": task.name, "camera": camera, "layout": layout},
        )

    def _actor(self, task: SawyerTask, kind: str, rng: np.random.Generator) -> Act:
        if kind == "play":
            return Wandering(rng)
        script = expert(task.name)
        return Disturbed(script, rng) if kind == "disturbed" else script

    def _env(self, task: SawyerTask, camera: str) -> SawyerEnv:
        if task.name not in self._envs:
            self._envs[task.name] = SawyerEnv(task.name, size=self._size)
        self._envs[task.name].camera = camera
        return self._envs[task.name]

    def close(self) -> None:
        """Free all environments."""
        for env in self._envs.values():
            env.close()
        self._envs.clear()


def turn(number: int) -> tuple[SawyerTask, str]:
    """Whose turn it is, task and camera: tasks first, then cameras."""
    return TASKS[number % len(TASKS)], CAMERAS[number // len(TASKS) % len(CAMERAS)]


def collect(
    out: Path,
    *,
    episodes: int,
    kind: SawyerKind = "mixed",
    first_seed: int = 0,
    size: int = SIZE,
    progress: Callable[[SawyerEpisode], object] | None = None,
) -> int:
    """Write `episodes` to a new dataset folder; how many of them succeeded. 165 of them are five of each task
    before each camera.

    Args:
        first_seed: episode i is a function of first_seed + i alone; tasks take turns, then cameras.
        progress: called after each episode.

    Raises DatasetError for a folder that is in use or cannot be written, SawyerUnavailable, and ValueError
    for seeds that are the evaluation's.
    """
    last = first_seed + episodes - 1
    if last >= EVALUATION:
        raise ValueError(f"expected seeds below {EVALUATION}, which are to be evaluated, got up to {last}")
    demonstrations, successes = SawyerDemonstrations(size=size), 0
    with DatasetWriter(out, SCHEMA, fps=CONTROL_HZ) as writer:
        for number in range(episodes):
            episode = demonstrations.episode(*turn(number), seed=first_seed + number, kind=kind)
            writer.add(episode)
            successes += episode.success
            if progress is not None:
                progress(episode)
    demonstrations.close()
    return successes
