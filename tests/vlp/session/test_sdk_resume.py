"""A program that uses the SDK is killed, and another goes on with its run."""

from __future__ import annotations

import os
import shutil
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from executors.tabletop.simulated import SimulatedRobot
from executors.wrapped import WrappedRobot
from tests.conftest import ROOT
from tests.forked import Forks
from tests.vlp.small import GOAL, SMALL
from tests.vlp.test_sdk_faults import board
from vlp import Agent, Settings
from vlp.agent.parts import Parts
from vlp.domains.tabletop.build import build
from vlp.durable.journal import Journal
from vlp.durable.names import FILE
from vlp.durable.store import Store
from vlp.errors import HeldError, StateError, UsageError
from vlp.events.types import Acted, Event
from vlp.session.sdk_run import Says

MOST = SMALL.max_control_steps


@pytest.fixture(scope="module")
def parts() -> Parts:
    return build(device="cpu")


def agent_on(root: Path, parts: Parts | None = None, settings: Settings = SMALL, **options: Any) -> Agent:
    return Agent.simulated(seed=SMALL.seed, settings=settings, root=root, parts=parts, **options)


def _acts_and_dies(root: Path) -> None:
    with agent_on(root) as agent:
        plan = agent.plan(GOAL)
        for event in agent.stream(plan, plan.approved(by="Ada")):
            if isinstance(event, Acted) and event.control_step == 12:
                os.kill(os.getpid(), signal.SIGKILL)


def _plans_and_dies(root: Path) -> None:
    agent_on(root).plan(GOAL)
    os.kill(os.getpid(), signal.SIGKILL)


def left_by(forks: Forks, work: str, root: Path) -> Path:
    """The folder of a run whose process, which does the `work` of a name here, was killed."""
    code = f"import sys, pathlib; from {__name__} import {work}; {work}(pathlib.Path(sys.argv[1]))"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = forks.begin(str(root), folder=root, environment=environment, code=code)
    assert process.wait(240) == -signal.SIGKILL, process.communicate()
    return next(path.parent for path in root.glob(f"*/{FILE}"))


@pytest.fixture(scope="module")
def broken_off(forks: Forks, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that was killed while it acted, in the folder of its robot."""
    return left_by(forks, "_acts_and_dies", tmp_path_factory.mktemp("killed"))


def copied(run: Path, root: Path) -> Path:
    """The run in another folder of a robot."""
    shutil.copytree(run.parent, root, symlinks=True)
    return root / run.name


def test_a_plan_that_waited_waits_again(forks: Forks, parts: Parts, tmp_path: Path) -> None:
    path = left_by(forks, "_plans_and_dies", tmp_path)
    with agent_on(tmp_path, parts) as agent:
        plan = agent.resume(path)
        assert plan.path == path and agent.observe()["effector_target_translation"] is not None
        assert agent.execute(plan, plan.approved(by="Ada"))["control_steps"] == MOST
        with pytest.raises(StateError, match="one that ended"):
            agent.close() or agent_on(tmp_path, parts).resume(path)  # type: ignore[func-returns-value]


def test_a_plan_that_was_acted_on_goes_on_where_it_was_broken_off(
    parts: Parts, broken_off: Path, tmp_path: Path
) -> None:
    path = copied(broken_off, tmp_path / "runs")
    with Store(path / FILE, fresh=False) as store:
        done = Journal(store).sent
    assert done >= 12
    with agent_on(tmp_path / "runs", parts) as agent:
        before = agent.resume(path)
        still = agent.observe()["effector_target_translation"]
        with pytest.raises(UsageError, match="got one of another"):
            agent.execute(before, replace(before.approved(by="Ada"), digest="0" * 64))
        events: list[Event] = list(agent.stream(before, before.approved(by="Ben", replan="auto")))
        assert not np.array_equal(still, agent.observe()["effector_target_translation"])
    # Gone over, as far as it had come, and then on: no step twice.
    steps = [event.control_step for event in events if isinstance(event, Acted)]
    assert steps == sorted(set(steps)) and steps[-1] == MOST
    with Store(path / FILE, fresh=False) as store:
        assert Journal(store).sent == MOST
    alone = SimulatedRobot(None, seed=SMALL.seed, max_steps=MOST)
    alone.connect()
    with Store(path / FILE, fresh=False) as store:
        journal = Journal(store)
        for number in range(1, MOST + 1):
            alone.send_action(journal.action(number))
        assert np.array_equal(alone.get_observation()["rgb"], journal.after(MOST)[1]["rgb"])


def test_an_approval_of_the_broken_off_plan_is_none_of_the_next(
    parts: Parts, broken_off: Path, tmp_path: Path
) -> None:
    path = copied(broken_off, tmp_path / "runs")
    with agent_on(tmp_path / "runs", parts) as agent:
        plan = agent.resume(path)
        says = Says(plan.approved(by="Ada"), waits=False)
        assert agent._run is not None and agent._run.under_way
        assert says(plan.decision + 1, None) is None  # type: ignore[arg-type]
        assert agent.execute(plan, plan.approved(by="Ada"))["control_steps"] > 12
    with Store(path / FILE, fresh=False) as store:
        assert Journal(store).sent > 12


def test_a_run_is_not_gone_on_with_by_an_agent_that_is_made_otherwise(parts: Parts, tmp_path: Path) -> None:
    with agent_on(tmp_path, parts) as agent:
        path = agent.plan(GOAL).path
    with agent_on(tmp_path, parts, replace(SMALL, beams=2)) as other:
        with pytest.raises(StateError, match="expected the settings"):
            other.resume(path)
        with pytest.raises(UsageError, match="name a run of this robot"):
            other.resume(tmp_path.parent / "elsewhere")
    with (
        agent_on(tmp_path, parts, rules=["never move the red moon"]) as other,
        pytest.raises(StateError, match="expected the rules"),
    ):
        other.resume(path)
    elsewhere = Agent(WrappedRobot(SimulatedRobot(GOAL, seed=7)), settings=SMALL, root=tmp_path, parts=parts)
    with elsewhere, pytest.raises(StateError, match="expected the board as it was left"):
        elsewhere.resume(path)


@pytest.mark.parametrize(("shift", "held"), [(0.08, True), (0.0, False)])
def test_a_block_that_was_moved_meanwhile_is_noticed_on_a_robot_that_is_not_simulated(
    parts: Parts, tmp_path: Path, shift: float, held: bool
) -> None:
    with Agent(Real(board()), settings=SMALL, root=tmp_path, parts=parts) as agent:
        path = agent.plan(GOAL).path
    with Agent(Real(board(shift=shift)), settings=SMALL, root=tmp_path, parts=parts) as other:
        if held:
            with pytest.raises(StateError, match="expected the board as it was left"):
                other.resume(path)
        else:
            assert other.resume(path).path == path


class Real(WrappedRobot):
    """A robot that can't be brought back."""

    @property
    def restore(self) -> None:
        return None

    def disconnect(self) -> None:
        """Stays as it is."""


def test_a_stopped_run_goes_on_in_the_same_program(parts: Parts, tmp_path: Path) -> None:
    with agent_on(tmp_path, parts) as agent:
        first = agent.plan(GOAL)
        with pytest.raises(HeldError, match="enough"):
            for event in agent.stream(first, first.approved(by="Ada")):
                if isinstance(event, Acted) and event.control_step == 5:
                    agent.stop("enough")
        agent.rearm()
        seen = agent.observe()["rgb"]
        again = agent.resume(first.path)
        assert np.array_equal(seen, agent.observe()["rgb"]) and again.digest == first.digest
        result = agent.execute(again, again.approved(by="Ada", replan="auto"))
        assert result["control_steps"] > 5, result
