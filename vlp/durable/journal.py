"""A write-ahead journal around a robot: each control step is on the disk before it is sent, and what was seen
after it before anything else happens. A step that stands there is never sent again.

After a crash the agent goes over its last node again; for the steps that the journal has, it is given what
was seen then, as if it were sending them, and only what comes after them goes to the robot.

Its rows are a chain: each begins with the digest of the one before. Whoever has kept how many there were, and
the digest of the last, knows whether a journal is that one, gone on with, or an older or another one.
"""

from __future__ import annotations

import hashlib
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from executors.robot import Observation, Robot, View
from executors.safety.faults import RobotLostError
from executors.safety.gate import GateError
from executors.wrapped import WrappedRobot
from vlp.durable.codec import pack, unpack
from vlp.durable.store import Store
from vlp.errors import StateError

SENT: Final = "step/sent/"
"""Written before a step is sent: the action."""
SEEN: Final = "step/seen/"
"""Written after it: what was really sent, the observation, the robot's own score."""
_TOLD: Final = (bool, int, float, str)
_FIRST: Final = bytes(hashlib.sha256().digest_size)
"""In the place of a digest before the first row."""


class Diverged(GateError):
    """What the agent would send is not what the journal says that it sent: it has to look again."""


class Journal:
    """Control steps of a run, numbered 1, 2, ...; 0 is what was seen before the first. Raises StateError for
    rows that are not one chain."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._digests = [_FIRST]
        """Of the chain after 0, 1, ... rows."""
        self.sent = len(store.keys(SENT))
        """Steps that were sent, or may have been."""
        self.seen = len(store.keys(SEEN)) - 1
        """The last step after which something was seen; -1 before anything was."""
        self._follow()

    @property
    def rows(self) -> int:
        """How many there are: two a step, and what was seen before the first."""
        return len(self._digests) - 1

    @property
    def digest(self) -> str:
        """Of all rows, hexadecimal."""
        return self._digests[-1].hex()

    def check(self, rows: int, digest: str, steps: int) -> None:
        """Raises StateError where this is not the journal that had so many rows and this digest, gone on
        with, or where it has fewer than so many control steps, which were seen to be sent."""
        found = self._digests[rows].hex() if rows <= self.rows else ""
        if rows > self.rows or steps > self.sent:
            known = max(steps, rows // 2)
            raise StateError(
                f"state: expected a journal of at least {known} control steps, which were sent, got "
                f"{self.sent}: the others would be sent again; nothing was changed or moved: bring "
                f"{self._store.path} back as it was last, or start the run again"
            )
        if rows and found != digest:
            raise StateError(
                f"state: expected the journal that the checkpoints are of, got another one of {self.sent} "
                f"control steps; nothing was changed or moved: bring {self._store.path} back as it was last, "
                "or start the run again"
            )

    def begin(self, action: NDArray[np.float32]) -> None:
        """A step is about to be sent."""
        self._put(_key(SENT, self.sent + 1), pack(arrays={"action": np.asarray(action, np.float32)}))
        self.sent += 1

    def refused(self) -> None:
        """The step that was about to be sent was not."""
        self._store.forget(_key(SENT, self.sent))
        self._digests.pop()
        self.sent -= 1

    def end(self, sent: NDArray[np.float32], observation: Observation, told: dict[str, Any]) -> None:
        """What came of the last step, or what is seen before the first."""
        arrays = {name: value for name, value in observation.items() if isinstance(value, np.ndarray)}
        words = {name: value for name, value in observation.items() if isinstance(value, _TOLD)}
        row = pack({"words": words, "told": told}, {**arrays, "sent.": np.asarray(sent, np.float32)})
        self._put(_key(SEEN, self.seen + 1), row)
        self.seen += 1

    def action(self, number: int) -> NDArray[np.float32]:
        """What was to be sent in step 1, 2, ..., float32 [A] metres."""
        kept = self._store.get(_key(SENT, number))
        assert kept is not None, f"expected step {number} in the journal, which has {self.sent}"
        return np.asarray(unpack(kept[len(_FIRST) :])[1]["action"], np.float32)

    def after(self, number: int) -> tuple[NDArray[np.float32], Observation, dict[str, Any]]:
        """What was really sent in a step, what was seen after it, and what the robot told."""
        kept = self._store.get(_key(SEEN, number))
        assert kept is not None, f"expected to know what was seen after step {number} of {self.seen}"
        said, arrays = unpack(kept[len(_FIRST) :])
        sent = arrays.pop("sent.")
        return sent, {**arrays, **said["words"]}, said["told"]

    def _put(self, key: str, row: bytes) -> None:
        value = self._digests[-1] + row
        self._store.put({key: value})
        self._digests.append(_digest(key, value))

    def _follow(self) -> None:
        """Go along the chain. Every row is there, from the first on, or it is none."""
        keys = [_key(SEEN, 0)]
        for number in range(1, max(self.sent, self.seen) + 1):
            keys += [_key(SENT, number), _key(SEEN, number)]
        for key in keys[: self.sent + self.seen + 1]:
            value = self._store.get(key)
            if value is None or value[: len(_FIRST)] != self._digests[-1]:
                raise StateError(
                    f"state: expected a journal without a gap, got one in which {key!r} is "
                    f"{'missing' if value is None else 'not what followed the row before'}; nothing was "
                    f"changed or moved: bring {self._store.path} back from a copy, or start the run again"
                )
            self._digests.append(_digest(key, value))


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
        restore = super().restore
        sent = [self.journal.action(number) for number in range(1, self.journal.sent + 1)]
        if restore is not None and sent:
            sent = restore(sent)
        while self.journal.seen < self.journal.sent:
            number = self.journal.seen + 1
            last = sent[number - 1] if number else np.zeros(0, np.float32)
            self.journal.end(last, self.robot.get_observation(), self._telling())

    def get_observation(self) -> Observation:
        """The newest one, or the one of the step that is gone over."""
        if self.at < self.journal.seen:
            return self.journal.after(self.at)[1]
        return self.robot.get_observation()

    def send_action(self, action: NDArray[np.float32]) -> NDArray[np.float32]:
        """Send a step, unless the journal has it; what was really sent, float32 [A] metres.

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
        info = super().info
        return {
            "info": {name: value for name, value in info.items() if isinstance(value, _TOLD)},
            "terminated": super().terminated,
            "truncated": super().truncated,
        }


def _digest(key: str, value: bytes) -> bytes:
    return hashlib.sha256(key.encode() + b"\0" + value).digest()


def _key(prefix: str, number: int) -> str:
    return f"{prefix}{number:06d}"
