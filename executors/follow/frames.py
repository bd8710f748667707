"""Following a clip by its pictures alone: no place of anything is known, in any world."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from executors.follow.follower import Finished, Followed, Frame, Watch, send
from executors.robot import Robot
from executors.safety.gate import Gate, GateError

PICTURE: Final = "the picture"
LEVEL: Final = 48
"""Of 255, by which a channel of a pixel differs for the pixel to be another."""


class Reaching(Protocol):
    """Goal-conditioned inverse dynamics on pictures."""

    def actions(self, frame: Frame, goal_frame: Frame, left: int, words: str) -> NDArray[np.float32]:
        """Two frames uint8 [H, W, 3], the control steps until the second is wanted (0: nobody knows) and the
        subgoal's words, to actions float32 [k, A]."""
        ...


Over = Callable[[Frame, Frame, str], bool]
"""Whether the words of a subgoal have come about between two frames uint8 [H, W, 3]: when it was begun, and
now."""


@dataclass(frozen=True, kw_only=True)
class PictureConfig:
    """How a clip is followed. Distances are shares (0..1) of pixels that differ."""

    stride: int = 6
    """Control steps from a frame of the clip to the next."""
    ahead: int = 8
    """Frames of the clip that are gone for at a time: how a thing must be touched is told by where it is to
    be a while from now."""
    slack: float = 1.0
    """Of the clip's own time, how much more it may take until its last frame is near."""
    execute: int = 2
    """Actions sent until the camera is looked at again."""
    near: float = 0.004
    """From the last frame, at which the clip is over; from all that was seen of late, at which nothing comes
    of it."""
    patience: int = 12
    """Control steps after which that is so."""
    parted: float = 0.04
    """From a frame when its time is over, beyond which the clip is no longer what happens."""


def distance(one: Frame, other: Frame) -> float:
    """The share of pixels of uint8 [H, W, 3] that differ."""
    gap = np.abs(one.astype(np.int16) - other.astype(np.int16)).max(-1)
    return float((gap > LEVEL).mean())


class PictureFollower:
    """See executors.follow.follower.Follower: the last frame is wanted, or one so far ahead, until the last
    is near or late, the subgoal is over, or nothing moves: another look would say the same again.

    Args:
        over: asked at each look but the first; None: nobody tells.
    """

    def __init__(
        self,
        robot: Robot,
        policy: Reaching,
        gate: Gate,
        config: PictureConfig | None = None,
        over: Over | None = None,
    ) -> None:
        self._robot, self._policy, self._gate = robot, policy, gate
        self.config, self._over = config or PictureConfig(), over

    def follow(
        self, clip: Frame, watch: Watch, finished: Finished | None = None, *, words: str = ""
    ) -> Followed:
        """Follow a clip uint8 [T, H, W, 3]; distances of what came of it are shares of pixels."""
        config, seen = self.config, _Seen(clip, self.config)
        frame, steps, outcome, reason = self._look(), 0, "followed", ""
        begun, looks = frame, deque[Frame](maxlen=-(-config.patience // config.execute))
        most = round(config.stride * len(clip) * (1 + config.slack))
        try:
            while outcome == "followed" and steps < most and distance(frame, clip[-1]) > config.near:
                if finished is not None and finished():
                    outcome = "done"
                    break
                if self._stands(frame, looks):
                    outcome = "stalled"
                    reason = f"nothing moved for {len(looks) * config.execute} control steps"
                    break
                if steps and self._over is not None and self._over(begun, frame, words):
                    outcome = "over"
                    break
                for action in self._actions(frame, clip, steps, words):
                    went, frame = send(self._robot, self._gate, action)
                    steps += 1
                    outcome, reason = seen.note(frame, steps)
                    if watch(seen.index(steps - 1), action, went, frame):
                        outcome, reason = "stopped", ""
                    if outcome != "followed":
                        break
        except GateError as error:
            outcome, reason = "refused", str(error)
        end = self._look()
        kept, off = seen.all(end, outcome)
        return Followed(
            outcome, steps, distance(end, clip[-1]), kept, reason, off, PICTURE, config.parted, shares=True
        )

    def _stands(self, frame: Frame, looks: deque[Frame]) -> bool:
        """Whether a frame is as all of the last looks, to which it is added."""
        alike = len(looks) == looks.maxlen and all(distance(frame, one) < self.config.near for one in looks)
        looks.append(frame)
        return alike

    def _actions(self, frame: Frame, clip: Frame, steps: int, words: str) -> NDArray[np.float32]:
        """What to send next; the time of a frame that is late already is not told any more."""
        config = self.config
        wanted = min(steps // config.stride + config.ahead, len(clip)) - 1
        left = max(0, config.stride * (wanted + 1) - steps)
        return self._policy.actions(frame, clip[wanted], left, words)[: config.execute]

    def _look(self) -> Frame:
        frame: Frame = self._robot.get_observation()["rgb"]
        return frame


class _Seen:
    """What was seen when the time of each frame of a clip was over, but for the last, whose time is over when
    all is."""

    def __init__(self, clip: Frame, config: PictureConfig) -> None:
        self._clip, self._config = clip, config
        self._frames: list[Frame] = []
        self._off: list[float] = []

    def index(self, steps: int) -> int:
        """The frame whose time it is."""
        return min(steps // self._config.stride, len(self._clip) - 1)

    def note(self, frame: Frame, steps: int) -> tuple[str, str]:
        """A picture after so many control steps: outcome and its reason."""
        number, left = divmod(steps, self._config.stride)
        if left or number >= len(self._clip):
            return "followed", ""
        self._frames.append(frame)
        self._off.append(distance(frame, self._clip[number - 1]))
        if self._off[-1] <= self._config.parted:
            return "followed", ""
        return "parted", f"{self._off[-1]:.1%} of the pixels differ from frame {number}"

    def all(self, end: Frame, outcome: str) -> tuple[Frame, tuple[float, ...]]:
        """Pictures [T', H, W, 3] and how far they are from their frames [T'], the last one with them where
        the clip came to its end."""
        if outcome == "followed":
            # It may have been near before the time of all the others was over.
            last = len(self._clip) - 1
            self._frames, self._off = [*self._frames[:last], end], self._off[:last]
            self._off.append(distance(end, self._clip[last]))
        return np.array(self._frames or [end]), tuple(self._off)
