"""The journal: a step that stands in it is never sent again."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from executors.safety.gate import GateError
from executors.tabletop.simulated import SimulatedRobot
from vlp.durable.journal import Diverged, Journal, JournaledRobot
from vlp.durable.store import Store

STEPS = [np.array(step, np.float32) for step in ([0.02, 0.01], [0.0, -0.03], [-0.01, 0.02], [0.03, 0.0])]


class Counting(SimulatedRobot):
    """Counts what it is really sent, and fails at one of its steps."""

    def __init__(self, fails_at: int = 0) -> None:
        super().__init__("group the blocks by color", seed=5)
        self.sent = 0
        self._fails_at, self._restoring = fails_at, False

    def send_action(self, action: np.ndarray) -> np.ndarray:
        if not self._restoring:
            self.sent += 1
            if self.sent == self._fails_at:
                raise ConnectionError("gone")
        return super().send_action(action)

    def restore(self, actions: Sequence[np.ndarray]) -> list[np.ndarray]:
        self._restoring = True
        sent = super().restore(actions)
        self._restoring = False
        return sent


def opened(store: Store, robot: Counting, at: int = 0) -> JournaledRobot:
    journaled = JournaledRobot(robot, Journal(store), at=at)
    journaled.connect()
    return journaled


def test_what_was_sent_is_seen_again_and_not_sent_again(tmp_path: Path) -> None:
    with Store(tmp_path / "s") as store:
        first = opened(store, Counting())
        seen = [first.get_observation()]
        for step in STEPS:
            first.send_action(step)
            seen.append(first.get_observation())
        told = first.info, first.terminated, first.truncated
    with Store(tmp_path / "s", fresh=False) as store:
        robot = Counting()
        again = opened(store, robot, at=1)
        for number, step in enumerate(STEPS[1:], 1):
            assert np.array_equal(again.get_observation()["rgb"], seen[number]["rgb"])
            again.send_action(step)
        assert robot.sent == 0 and np.array_equal(again.get_observation()["rgb"], seen[-1]["rgb"])
        assert again.info["score"] == told[0]["score"] and not again.terminated
        again.send_action(STEPS[0])
        assert robot.sent == 1 and again.at == 5


def test_a_step_without_an_end_counts_as_sent(tmp_path: Path) -> None:
    with Store(tmp_path / "s") as store:
        first = opened(store, Counting(fails_at=2))
        first.send_action(STEPS[0])
        with pytest.raises(ConnectionError):
            first.send_action(STEPS[1])
        with pytest.raises(GateError, match="connected again"):
            first.send_action(STEPS[2])
    with Store(tmp_path / "s", fresh=False) as store:
        robot = Counting()
        again = opened(store, robot, at=1)
        assert (again.journal.sent, again.journal.seen) == (2, 2)
        again.send_action(STEPS[1])
        assert robot.sent == 0
        again.send_action(STEPS[2])
        assert robot.sent == 1


def test_another_step_than_the_one_that_was_sent_is_not_sent(tmp_path: Path) -> None:
    with Store(tmp_path / "s") as store:
        first = opened(store, Counting())
        for step in STEPS:
            first.send_action(step)
        newest = first.get_observation()["rgb"]
        robot = Counting()
        again = opened(store, robot, at=1)
        with pytest.raises(Diverged, match="step 2 was sent already"):
            again.send_action(STEPS[0])
        assert robot.sent == 0 and again.at == 4
        assert np.array_equal(again.get_observation()["rgb"], newest), (
            "what is seen then is what is there now"
        )
