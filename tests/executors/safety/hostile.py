"""A policy that wants to do harm, a robot that writes down all it gets, and what would have been harm."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from executors.robot import Observation
from executors.safety.gate import GateConfig
from tasks.tabletop.world import board, limits

LIMITS: Final = GateConfig(
    limits.LIMITS, max_speed=0.5, keep_out=(((0.30, -0.05), (0.40, 0.05)), ((0.5, 0.1), (0.52, 0.3)))
)
LOW, HIGH = np.array(LIMITS.limits.low), np.array(LIMITS.limits.high)
TINY: Final = 1e-6


class Recorder:
    """A robot without any check of its own: goes where it is told, and writes it down."""

    def __init__(self) -> None:
        self.place = np.array([0.25, 0.0])
        self.got: list[tuple[NDArray[np.float64], Any]] = []
        """(set point before, action) of each call."""
        self.error: Exception | None = None
        self.is_connected = True
        self.observation_features: dict[str, Any] = {}
        self.action_features: dict[str, Any] = {}
        self._count = 0

    def connect(self) -> None:
        self.is_connected = True

    def disconnect(self) -> None:
        self.is_connected = False

    def get_observation(self) -> Observation:
        self._count += 1
        rgb = np.random.default_rng(self._count).integers(0, 256, (6, 8, 3)).astype(np.uint8)
        return {"rgb": rgb, "effector_target_translation": self.place.copy()}

    def send_action(self, action: Any) -> NDArray[np.float32]:
        self.got.append((self.place.copy(), action))
        if self.error is not None:
            raise self.error
        if harm(self.place, action) is None:
            self.place = self.place + action
        return action  # type: ignore[no-any-return]


def harm(place: NDArray[np.float64], action: Any) -> str | None:
    """Which limit an action from a set point breaks, found without the gate's own geometry."""
    if not isinstance(action, np.ndarray) or action.dtype != np.float32 or action.shape != (2,):
        return "form"
    if not np.isfinite(action).all():
        return "finite"
    step = action.astype(np.float64)
    if np.abs(step).max() > LIMITS.limits.max_step + 2 * TINY:
        return "step"
    if np.sqrt((step**2).sum()) * board.CONTROL_HZ > 0.5 + 2 * TINY:
        return "speed"
    before, after = (float(np.maximum(LOW - at, at - HIGH).max()) for at in (place, place + step))
    if after > max(before, 0.0) + TINY:
        return "workspace"
    way = place + np.linspace(0, 1, 101)[:, None] * step
    for low, high in LIMITS.keep_out:
        depth = np.minimum(way - low, np.subtract(high, way)).min(axis=1)
        if depth.max() > max(float(depth[0]), 0.0) + TINY:
            return "keep out"
    return None


class Rude:
    """Answers nobody who looks at it."""

    def __array__(self, *_: object, **__: object) -> NDArray[np.float64]:
        raise RuntimeError("no")

    def __repr__(self) -> str:
        raise RuntimeError("no")


NO_ACTIONS: Final[tuple[Any, ...]] = (
    None, "up", "0.01", b"\x00", ["a", "b"], ["9", "9"], {}, {"x": 1}, [], [[]], 7, float("nan"),
    object(),
    lambda: 0, Rude(), [Rude(), 1], [None, None], [1j, 0], [0.1, [0.1]], [10**400, 0], [True, True],
    np.array([None, 0.1], object), np.array(["x", "y"]), np.array([1 + 2j, 0]), np.array([1, 1], np.int64),
    np.array([255, 0], np.uint8), np.array(["2020-01-01", "2021-01-01"], "datetime64[D]"), np.array(0.01),
    np.zeros(3), np.zeros((2, 2)), np.zeros((1, 2)), np.zeros((2, 1)), np.zeros((0, 2)),
    np.ma.masked_array([9.0, 9.0], mask=[True, False]),
)  # fmt: skip
ODD_NUMBERS: Final = (
    np.nan, np.inf, -np.inf, 1e30, -1e308, 1e308, 5e-324, -5e-324, 1e-40, 0.0, -0.0, 0.1, -0.1,
    0.100001, 0.1000011, 0.05, 0.0500001, 0.11, 2.0,
)  # fmt: skip


def policy(count: int, seed: int) -> Iterator[Any]:
    """`count` actions: many that no robot may get, some that it may."""
    rng = np.random.default_rng(seed)
    for number in range(count):
        kind = number % 8
        if kind == 0:
            yield NO_ACTIONS[rng.integers(len(NO_ACTIONS))]
        elif kind == 1:
            yield rng.choice(ODD_NUMBERS, 2)
        elif kind == 2:
            with np.errstate(over="ignore"):
                yield rng.choice(ODD_NUMBERS, 2).astype(rng.choice(["f2", "f4", "f8"]))
        elif kind == 3:
            yield rng.normal(0, 10.0 ** rng.integers(-6, 6), 2)
        elif kind == 4:  # about as fast as may be
            angle, speed = rng.uniform(0, 2 * np.pi), rng.choice([0.0499, 0.05, 0.0501, 0.06])
            yield np.array([np.cos(angle), np.sin(angle)], np.float32) * np.float32(speed)
        else:
            yield rng.uniform(-0.045, 0.045, 2).astype(np.float32)


def somewhere(rng: np.random.Generator) -> NDArray[np.float64]:
    """A set point to begin from: within the workspace, on its border, a little or far outside."""
    place = rng.uniform(LOW, HIGH)
    beyond = rng.choice([0.0, 0.0, 0.01, 0.021, 0.12])
    return place if rng.random() < 0.7 else np.where(rng.random(2) < 0.5, HIGH + beyond, place)
