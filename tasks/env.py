"""The tabletop as a Gymnasium environment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import gymnasium
import numpy as np
from numpy.typing import NDArray

from tasks import board
from tasks.camera import CAMERAS
from tasks.demonstrator import centers
from tasks.goal import Goal, understand
from tasks.layout import Layout, random_layout
from tasks.world import Snapshot, World


class ActionError(ValueError):
    """An action that the tabletop refuses; nothing has moved."""


@dataclass(frozen=True)
class EnvSnapshot:
    """All of an environment's state."""

    world: Snapshot
    steps: int
    held: int
    best: float
    goal: Goal | None
    random: dict[str, Any]


class TabletopEnv(gymnasium.Env[dict[str, Any], NDArray[np.float32]]):
    """Blocks, a pusher and a camera. `info` holds blocks {name: (x, y)} in metres, lost (names),
    score (the goal's reward now, 0..1), best (the episode's maximum) and complete.

    Args:
        task: an instruction, long or single; None for a board without a goal.
        blocks: the blocks in use.
        view: "board" or "reference".
        image_size: (height, width) in pixels.
        max_steps: control steps until `truncated`.
        feasible: draw boards until a single push can be done on it.
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
        unknown = [name for name in blocks if name not in board.KINDS]
        if unknown or not blocks:
            raise ValueError(f"expected blocks among {', '.join(board.KINDS)}; got {', '.join(unknown) or 'none'}")
        if view not in CAMERAS:
            raise ValueError(f"expected a view among {', '.join(CAMERAS)}; got {view!r}")
        self.task, self.blocks, self.max_steps, self.render_mode = task, tuple(blocks), max_steps, render_mode
        self._size = image_size
        self._world = World(CAMERAS[view])
        self._goal: Goal | None = None
        self._steps, self._held, self._best = 0, 0, 0.0
        low = np.array([board.EFFECTOR_X[0], board.EFFECTOR_Y[0]], np.float32) - 0.1
        high = np.array([board.EFFECTOR_X[1], board.EFFECTOR_Y[1]], np.float32) + 0.1
        self.observation_space = gymnasium.spaces.Dict(
            {
                "rgb": gymnasium.spaces.Box(0, 255, (*image_size, 3), np.uint8),
                "effector_translation": gymnasium.spaces.Box(low, high, (2,), np.float32),
                "effector_target_translation": gymnasium.spaces.Box(low, high, (2,), np.float32),
                "instruction": gymnasium.spaces.Text(400, min_length=0, charset=_CHARACTERS),
            }
        )
        self.action_space = gymnasium.spaces.Box(-board.MAX_DELTA, board.MAX_DELTA, (2,), np.float32)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """A new random board; `options={"layout": (blocks, effector)}` sets one, see `tasks.layout`."""
        super().reset(seed=seed)
        layout: Layout = (options or {}).get("layout") or random_layout(self.np_random, self.blocks)
        self._world.place(*layout)
        self._world.step(self._world.target)
        self._steps, self._held, self._best = 0, 0, 0.0
        self._goal = understand(self.task, centers(self._world)) if self.task is not None else None
        info = self._info()
        return self._observe(), info

    def step(
        self, action: NDArray[np.float32]
    ) -> tuple[dict[str, Any], float, bool, bool, dict[str, Any]]:
        """Change the set point by `action` [2] metres; it is clipped to the workspace.

        Raises ActionError for a wrong shape, a non-finite or an over-limit action; nothing moves then.
        """
        wanted = np.asarray(action, np.float64)
        if wanted.shape != (2,) or not np.isfinite(wanted).all() or np.abs(wanted).max() > board.MAX_DELTA + 1e-6:
            raise ActionError(
                f"expected two finite numbers within +-{board.MAX_DELTA} m, got {action!r:.80}; send a smaller step"
            )
        low, high = zip(board.EFFECTOR_X, board.EFFECTOR_Y, strict=True)
        self._world.step(np.clip(np.array(self._world.target) + wanted, low, high))
        self._steps += 1
        info = self._info()
        terminated = bool(info["complete"])
        return self._observe(), float(info["score"]), terminated, self._steps >= self.max_steps, info

    def _info(self) -> dict[str, Any]:
        where = centers(self._world)
        score = self._goal.reward(where, self._world.target) if self._goal else 0.0
        self._held = self._held + 1 if score >= 1.0 else 0
        self._best = max(self._best, score)
        hold = self._goal.hold_steps if self._goal else 1
        return {
            "blocks": {name: (float(xy[0]), float(xy[1])) for name, xy in where.items()},
            "lost": sorted(self._world.lost()),
            "score": score,
            "best": self._best,
            "complete": self._held >= hold and self._steps > 0,
        }

    def _observe(self) -> dict[str, Any]:
        return {
            "rgb": self._world.render(*self._size),
            "effector_translation": self._world.effector(),
            "effector_target_translation": np.array(self._world.target, np.float32),
            "instruction": self.task or "",
        }

    def render(self) -> NDArray[np.uint8]:  # type: ignore[override]
        """The camera's picture, uint8 [H, W, 3]."""
        return self._world.render(*self._size)

    def save(self) -> EnvSnapshot:
        """The state, to go back to with `restore`."""
        state = self.np_random.bit_generator.state
        return EnvSnapshot(self._world.save(), self._steps, self._held, self._best, self._goal, dict(state))

    def restore(self, snapshot: EnvSnapshot) -> None:
        """Go back to a saved state; what follows is the same bit for bit."""
        self._world.restore(snapshot.world)
        self._steps, self._held, self._best = snapshot.steps, snapshot.held, snapshot.best
        self._goal = snapshot.goal
        self.np_random.bit_generator.state = snapshot.random

    def close(self) -> None:
        """Free the physics client."""
        self._world.close()


_CHARACTERS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 ,.'-")
