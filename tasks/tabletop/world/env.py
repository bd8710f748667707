"""The tabletop as a Gymnasium environment."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, TypedDict

import gymnasium
import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from tasks.tabletop.demos.demonstrator import centers
from tasks.tabletop.goals.goal import BoardGoal, understand
from tasks.tabletop.language.read import MAX_CHARACTERS
from tasks.tabletop.world import board
from tasks.tabletop.world.camera import CAMERAS
from tasks.tabletop.world.layout import Layout, random_layout
from tasks.tabletop.world.world import ClosedError, Snapshot, World

Observation = dict[str, Any]
CHARACTERS: Final = frozenset("abcdefghijklmnopqrstuvwxyz ,.")
"""All that an instruction is written with, in the lower case in which it is observed."""


class ActionError(ValueError):
    """An action that the tabletop refuses; nothing has moved."""


class ClosedEnvError(ClosedError, gymnasium.error.ClosedEnvironmentError):
    """Something was asked of an environment that has been closed."""


class Info(TypedDict):
    """What `reset` and `step` return as `info`."""

    blocks: dict[str, tuple[float, float]]
    """Centres (x, y) in metres of the blocks still on the board."""
    lost: list[str]
    """Blocks that have fallen off the board, sorted; the episode goes on without them."""
    score: float
    """The goal's reward now, 0..1; 0 without a goal."""
    best: float
    """The episode's highest score so far."""
    complete: bool
    """Whether a step has kept the score at 1 for as long as the goal asks."""
    goal: str
    """What is scored, in plain words; empty without a goal."""
    steps: int
    """Control steps since the reset, which fixed what the goal asks of this board."""
    instruction: str
    """As in the observation, where AsyncVectorEnv's shared memory leaves texts blank."""


@dataclass(frozen=True)
class EnvSnapshot:
    """All of an environment's state."""

    world: Snapshot
    steps: int
    held: int
    best: float
    goal: BoardGoal | None
    random: dict[str, Any]


class TabletopEnv(gymnasium.Env[Observation, NDArray[np.float32]]):
    """Blocks, a pusher and a camera: "vlp/Tabletop-v0" once `tasks` is imported.

    An observation holds rgb uint8 [H, W, 3], effector_translation and effector_target_translation
    float32 [2] in metres (measured, and the set point), and the instruction in lower case. `info` holds
    what `Info` says, the instruction too: Gymnasium's AsyncVectorEnv with shared memory, its default, gives
    every text of an observation as blanks. The reward is the goal's score. A copy, also by pickle, has a
    world of its own, and goes on as after `save` and `restore`.

    Args:
        task: an instruction, long or single; None for a board without a goal. A long task is about all blocks
            in use, lost ones too: the score is the share of them that are as it says.
        blocks: the blocks in use.
        view: "board" or "reference".
        image_size: (height, width) in pixels.
        max_steps: control steps until `truncated`.
        render_mode: "rgb_array" or None; `render` draws the observation's view.

    Raises ValueError for unknown blocks or views and for sizes below 1, and ClosedEnvError, by all methods,
    after `close`.
    """

    metadata = {"render_modes": ["rgb_array"], "render_fps": board.CONTROL_HZ}  # noqa: RUF012

    def __init__(
        self,
        task: str | None = None,
        *,
        blocks: Sequence[str] = board.BLOCK_8,
        view: str = "board",
        image_size: tuple[int, int] = (96, 128),
        max_steps: int = board.LONG_MAX_STEPS,
        render_mode: str | None = "rgb_array",
    ) -> None:
        _check_options(blocks, view, image_size, max_steps)
        self.task, self.blocks, self.max_steps, self.render_mode = task, tuple(blocks), max_steps, render_mode
        self._size = image_size
        self._world = World(CAMERAS[view])
        self._goal: BoardGoal | None = None
        self._steps, self._held, self._best = 0, 0, 0.0
        self._closed = False
        self.observation_space = _observation_space(image_size)
        self.action_space = spaces.Box(-board.MAX_DELTA, board.MAX_DELTA, (2,), np.float32)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """A new random board; `options={"layout": (blocks, effector)}` sets one, see `layout`.

        Raises UnknownInstruction when the board gives the task no meaning.
        """
        self._check_open()
        super().reset(seed=seed)
        layout: Layout = (options or {}).get("layout") or random_layout(self.np_random, self.blocks)
        _check_names(layout[0])
        self._world.clear()
        self._world.place(*layout)
        self._world.step(self._world.target)
        self._steps, self._held, self._best = 0, 0, 0.0
        here = centers(self._world)
        self._goal = None if self.task is None else understand(self.task, here, self._world.names)
        return self._observe(), dict(self._info())

    def step(self, action: NDArray[np.float32]) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """Change the set point by `action` [2] metres; it is clipped to the workspace.

        Raises ActionError for a wrong shape, a non-finite or an over-limit action; nothing moves then.
        """
        self._check_open()
        wanted = _checked(action)
        low, high = zip(board.EFFECTOR_X, board.EFFECTOR_Y, strict=True)
        self._world.step(np.clip(np.array(self._world.target) + wanted, low, high))
        self._steps += 1
        if self._goal is not None:
            self._goal.witness(centers(self._world))
        self._held = self._held + 1 if self._score() >= 1.0 else 0
        info = self._info()
        truncated = self._steps >= self.max_steps
        return self._observe(), info["score"], info["complete"], truncated, dict(info)

    def _check_open(self) -> None:
        if self._closed:
            raise ClosedEnvError("expected an open environment, got one that was closed; make a new one")

    def _score(self) -> float:
        return self._goal.reward(centers(self._world), self._world.target) if self._goal else 0.0

    def _info(self) -> Info:
        score = self._score()
        self._best = max(self._best, score)
        return {
            "blocks": {name: (float(x), float(y)) for name, (x, y) in centers(self._world).items()},
            "lost": sorted(self._world.lost()),
            "score": score,
            "best": self._best,
            "complete": self._goal is not None and self._held >= self._goal.hold_steps,
            "goal": self._goal.text if self._goal is not None else "",
            "steps": self._steps,
            "instruction": self._instruction,
        }

    def _observe(self) -> Observation:
        return {
            "rgb": self._world.render(*self._size),
            "effector_translation": self._world.effector(),
            "effector_target_translation": np.array(self._world.target, np.float32),
            "instruction": self._instruction,
        }

    @property
    def _instruction(self) -> str:
        return " ".join((self.task or "").lower().split())

    def render(self) -> NDArray[np.uint8] | None:
        """The camera's picture, uint8 [H, W, 3]; None without a render mode."""
        self._check_open()
        return self._world.render(*self._size) if self.render_mode is not None else None

    def picture(self, height: int, width: int) -> NDArray[np.uint8]:
        """The observation's view at another size, uint8 [height, width, 3]; changes nothing."""
        self._check_open()
        return self._world.render(height, width)

    def save(self) -> EnvSnapshot:
        """The state, to go back to with `restore`."""
        self._check_open()
        state = self.np_random.bit_generator.state
        return EnvSnapshot(
            self._world.save(), self._steps, self._held, self._best, copy.copy(self._goal), dict(state)
        )

    def restore(self, snapshot: EnvSnapshot) -> None:
        """Go back to a saved state, of this or another environment; what follows is the same bit for bit."""
        self._check_open()
        self._world.restore(snapshot.world)
        self._steps, self._held, self._best = snapshot.steps, snapshot.held, snapshot.best
        self._goal = copy.copy(snapshot.goal)
        self.np_random.bit_generator.state = snapshot.random

    def __copy__(self) -> TabletopEnv:
        return copy.deepcopy(self)  # two on one world would move each other's blocks

    def close(self) -> None:
        """Free the physics client; whatever is asked of the environment afterwards raises ClosedEnvError."""
        self._closed = True
        self._world.close()


def _observation_space(image_size: tuple[int, int]) -> spaces.Dict:
    # Pressed against a block, the pusher gives way; it may stand a little outside the workspace.
    low = np.array([board.EFFECTOR_X[0], board.EFFECTOR_Y[0]], np.float32) - 0.1
    high = np.array([board.EFFECTOR_X[1], board.EFFECTOR_Y[1]], np.float32) + 0.1
    return spaces.Dict(
        {
            "rgb": spaces.Box(0, 255, (*image_size, 3), np.uint8),
            "effector_translation": spaces.Box(low, high, (2,), np.float32),
            "effector_target_translation": spaces.Box(low, high, (2,), np.float32),
            "instruction": spaces.Text(MAX_CHARACTERS, min_length=0, charset=CHARACTERS),
        }
    )


def _check_names(names: Sequence[str] | dict[str, Any]) -> None:
    unknown = [name for name in names if name not in board.KINDS]
    if unknown or not names or len(set(names)) < len(names):
        got = ", ".join(unknown or names) or "none"
        raise ValueError(f"expected blocks among {', '.join(board.KINDS)}, each once; got {got:.160}")


def _check_options(blocks: Sequence[str], view: str, image_size: tuple[int, int], max_steps: int) -> None:
    _check_names(blocks)
    if view not in CAMERAS:
        raise ValueError(f"expected a view among {', '.join(CAMERAS)}; got {view!r:.80}")
    if min(*image_size, max_steps) < 1:
        raise ValueError(f"expected sizes of at least 1, got image_size {image_size}, max_steps {max_steps}")


def _checked(action: NDArray[np.float32]) -> NDArray[np.float64]:
    try:
        wanted = np.asarray(action, np.float64)
    except (TypeError, ValueError):
        wanted = np.array([np.nan])
    # 0.1 in float32 is a little more than 0.1.
    limit = board.MAX_DELTA + 1e-6
    if wanted.shape != (2,) or not np.isfinite(wanted).all() or np.abs(wanted).max() > limit:
        got = " ".join(repr(action).split())
        raise ActionError(
            f"expected two finite numbers within +-{board.MAX_DELTA} m, got {got:.80}; send a smaller step"
        )
    return wanted
