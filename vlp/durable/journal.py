"""A write-ahead journal around a robot: each control step is on the disk before it is sent, and what was seen
after it before anything else happens. A step that stands there is never sent again.

After a crash the agent goes over its last node again; for the steps that the journal has, it is given what
was seen then, as if it were sending them, and only what comes after them goes to the robot.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from executors.faults import RobotLostError
from executors.gate import GateError
from executors.robot import Observation, Robot
from executors.wrapped import View, WrappedRobot
from vlp.durable.codec import pack, unpack
from vlp.durable.store import Store

SENT: Final = "step/sent/"
"""Written before a step is sent: the action."""
SEEN: Final = "step/seen/"
"""Written after it: what was really sent, the observation, the robot's own score."""
_TOLD: Final = (bool, int, float, str)


class Diverged(GateError):
    """What the agent would send is not what the journal says that it sent: it has to look again."""


class Journal:
    """Control steps of a run, numbered 1, 2, ...; 0 is what was seen before the first."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.sent = len(store.keys(SENT))
        """Steps that were sent, or may have been."""
        self.seen = len(store.keys(SEEN)) - 1
        """The last step after which something was seen; -1 before anything was."""

    def begin(self, action: NDArray[np.float32]) -> None:
        """A step is about to be sent."""
        self._store.put({_key(SENT, self.sent + 1): pack(arrays={"action": np.asarray(action, np.float32)})})
        self.sent += 1

    def refused(self) -> None:
        """The step that was about to be sent was not."""
        self._store.forget(_key(SENT, self.sent))
        self.sent -= 1

    def end(self, sent: NDArray[np.float32], observation: Observation, told: dict[str, Any]) -> None:
        """What came of the last step, or what is seen before the first."""
        arrays = {name: value for name, value in observation.items() if isinstance(value, np.ndarray)}
        words = {name: value for name, value in observation.items() if isinstance(value, _TOLD)}
        row = pack({"words": words, "told": told}, {**arrays, "sent.": np.asarray(sent, np.float32)})
        self._store.put({_key(SEEN, self.seen + 1): row})
        self.seen += 1

    def action(self, number: int) -> NDArray[np.float32]:
        """What was to be sent in step 1, 2, ..., float32 [2] metres."""
        kept = self._store.get(_key(SENT, number))
        assert kept is not None, f"expected step {number} in the journal, which has {self.sent}"
        return np.asarray(unpack(kept)[1]["action"], np.float32)

    def after(self, number: int) -> tuple[NDArray[np.float32], Observation, dict[str, Any]]:
        """What was really sent in a step, what was seen after it, and what the robot told."""
        kept = self._store.get(_key(SEEN, number))
        assert kept is not None, f"expected to know what was seen after step {number} of {self.seen}"
        said, arrays = unpack(kept)
        sent = arrays.pop("sent.")
        return sent, {**arrays, **said["words"]}, said["told"]


class JournaledRobot(WrappedRobot):
    """A robot behind its journal. `at`: how many of its steps the agent knows of, see the module.

    A simulated robot (one with `restore`) is brought to where the journal ends when it is connected.
    """

    def __init__(self, robot: Robot, journal: Journal, *, at: int = 0) -> None:
        super().__init__(robot)
        self.journal, self.at = journal, at

    @property
    def info(self) -> dict[str, Any]:
        """The robot's, as it was then."""
        return dict(self._then().get("info", {}))

    @property
    def terminated(self) -> bool:
        """Whether the episode was over then."""
        return bool(self._then().get("terminated", False))

    @property
    def truncated(self) -> bool:
        """Whether its time was up then."""
        return bool(self._then().get("truncated", False))

    @property
    def view(self) -> View | None:
        """The robot's; none of a step that is gone over."""
        return None if self.at < self.journal.seen else super().view

    def connect(self) -> None:
        """Connect, and mend a journal whose last step has no end: it counts as sent."""
        if not self.robot.is_connected:
            self.robot.connect()
        restore = getattr(self.robot, "restore", None)
        sent = [self.journal.action(number) for number in range(1, self.journal.sent + 1)]
        if restore is not None and sent:
            sent = restore(sent)
        while self.journal.seen < self.journal.sent:
            number = self.journal.seen + 1
            last = sent[number - 1] if number else np.zeros(2, np.float32)
            self.journal.end(last, self.robot.get_observation(), self._telling())

    def get_observation(self) -> Observation:
        """The newest one, or the one of the step that is gone over."""
        if self.at < self.journal.seen:
            return self.journal.after(self.at)[1]
        return self.robot.get_observation()

    def send_action(self, action: NDArray[np.float32]) -> NDArray[np.float32]:
        """Send a step, unless the journal has it; what was really sent, float32 [2] metres.

        Raises Diverged where the journal has another one; from then on the newest is seen.
        """
        if self.journal.seen < self.journal.sent:  # it failed half way, and may have moved
            raise GateError("expected a robot that was connected again after its fault, got one that was not")
        if self.at < self.journal.sent:
            if not np.array_equal(np.asarray(action, np.float32), self.journal.action(self.at + 1)):
                first, self.at = self.at + 1, self.journal.sent
                raise Diverged(f"step {first} was sent already, and not like this; looking again")
            self.at += 1
            return self.journal.after(self.at)[0]
        self.journal.begin(action)
        try:
            sent = np.asarray(self.robot.send_action(action), np.float32)
        except RobotLostError:  # it may have been sent
            raise
        except GateError:  # it was not
            self.journal.refused()
            raise
        self.journal.end(sent, self.robot.get_observation(), self._telling())
        self.at += 1
        return sent

    def _then(self) -> dict[str, Any]:
        return self.journal.after(self.at)[2] if self.at < self.journal.seen else self._telling()

    def _telling(self) -> dict[str, Any]:
        info = getattr(self.robot, "info", {})
        return {
            "info": {name: value for name, value in info.items() if isinstance(value, _TOLD)},
            "terminated": bool(getattr(self.robot, "terminated", False)),
            "truncated": bool(getattr(self.robot, "truncated", False)),
        }


def _key(prefix: str, number: int) -> str:
    return f"{prefix}{number:06d}"
