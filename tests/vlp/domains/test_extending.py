"""A second world, written from docs/extending.md alone and installed by its entry point: it plans, acts,
stops, resumes and is shown as the tabletop is, and the page's other code runs."""

from __future__ import annotations

import json
import os
import re
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from subprocess import CompletedProcess

import httpx
import numpy as np
import pytest

from tests.conftest import ROOT
from tests.forked import Forks
from tests.vlp.console.staged import staged
from tests.vlp.domains.second_world import blocks, install, scripts
from vlp import Agent, Settings
from vlp.agent.approval import Answer
from vlp.agent.narrate import replanned
from vlp.cli.main import main
from vlp.domains.base import domain, installed
from vlp.errors import InstructionError, UsageError
from vlp.events.types import Searched, read_events
from vlp.session.request import Options
from vlp.settings import TREE
from vlp.tools.plans import Plans, worded

SEED = "3"
"""Its dot begins at 0.17."""
GOAL = "move the dot to 0.9"
Begin = Callable[..., "CompletedProcess[str]"]


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return install(tmp_path_factory.mktemp("installed"))


@pytest.fixture(scope="module")
def environment(package: Path) -> dict[str, str]:
    path = os.pathsep.join([str(ROOT), str(package)])
    return {**os.environ, "PYTHONPATH": path, "PYTHONIOENCODING": "utf-8", "COLUMNS": "100"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where commands are run."""
    return tmp_path_factory.mktemp("commands")


@pytest.fixture(scope="module")
def begin(forks: Forks, folder: Path, environment: dict[str, str]) -> Begin:
    """Runs `vlp` where the second world is installed."""

    def run(*arguments: str, answers: str = "") -> CompletedProcess[str]:
        return forks.run(*arguments, folder=folder, environment=environment, answers=answers)

    return run


@pytest.fixture(scope="module")
def alone(begin: Begin) -> CompletedProcess[str]:
    """A whole run."""
    return begin("run", GOAL, "--world", "dot", "--seed", SEED, "--out", "alone", "--json")


@pytest.fixture
def here(package: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The second world in this process, for as long as a test lasts."""
    monkeypatch.syspath_prepend(package)
    domain.cache_clear()
    yield
    domain.cache_clear()
    for name in [name for name in sys.modules if name.partition(".")[0] == "dot"]:
        del sys.modules[name]


def said(path: Path) -> list[dict[str, object]]:
    """Events of a run, without their times."""
    lines = [json.loads(line) for line in (path / "events.jsonl").read_text().splitlines()]
    return [{name: line[name] for name in line if name not in ("time", "seconds")} for line in lines]


def test_it_is_listed_beside_the_tabletop_and_found_by_its_name(begin: Begin) -> None:
    listed = json.loads(begin("worlds", "--json").stdout)
    assert listed["dot"] == "a dot that words move along a line" and "tabletop" in listed
    unknown = begin("run", GOAL, "--world", "dots")
    assert unknown.returncode == 2 and unknown.stderr.count("\n") == 1
    assert re.search(r"expected one of dot, .*tabletop, got 'dots'; see vlp worlds", unknown.stderr)


def test_a_run_is_carried_out_and_its_report_shows_the_dot(
    alone: CompletedProcess[str], folder: Path
) -> None:
    assert alone.returncode == 0, alone.stderr
    result = json.loads(alone.stdout)
    assert result["complete"] and result["reason"] == "complete" and result["score"] > 0.98
    assert 0.73 / 0.02 <= result["control_steps"] < 60
    report = (folder / "alone" / "report.html").read_text()
    assert report.count("data:image/") > 10 and "move to 0.90" in report
    assert (folder / "alone" / "film.mp4").stat().st_size > 1000


def test_a_plan_is_shown_and_nothing_moves(begin: Begin) -> None:
    planned = begin("plan", "move the dot 0.3 to the right", "--world", "dot", "--seed", SEED, "--json")
    result = json.loads(planned.stdout)
    assert planned.returncode == 0 and result["control_steps"] == 0
    assert result["plan"] == ["move to 0.47"] and result["task"] == "move the dot to 0.47"


@pytest.mark.parametrize(
    "words, line",
    [
        (["push the red moon left"], "expected a place for the dot, got 'push the red moon left'"),
        (["move the dot to 2"], "expected a place from 0 to 1, got 2.0"),
        ([GOAL, "--rule", "never move the red star"], "rule: expected one such as stay left of 0.8"),
        ([GOAL, "--rule", "stay left of 0.8"], "expected what the standing rules allow, got: stay left of"),
        ([GOAL, "--min-confidence", "0.5"], "expected a world that tells how sure a plan is"),
        ([GOAL, "--weights", "."], "weights: expected none, since a dot has no models"),
        ([GOAL, "--vlm", "transformers:owner/name"], "models: expected the dot's own, got others"),
    ],
)
def test_what_it_can_not_do_is_refused_in_its_own_words(
    here: None, tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], line: str
) -> None:
    out = str(tmp_path / "run")
    assert main(["plan", *words, "--world", "dot", "--seed", SEED, "--out", out]) == 2
    told = capsys.readouterr().err
    assert line in told and told.count("vlp: error") == 1, told


def test_a_plan_waits_is_stopped_armed_again_and_approved(begin: Begin, folder: Path) -> None:
    waits = begin("run", GOAL, "--world", "dot", "--seed", SEED, "--approve", "ask", "--out", "asked")
    assert waits.returncode == 8 and "the plan waits for an operator: vlp resume" in waits.stderr
    stopped = begin("stop", "asked")
    assert stopped.returncode == 0 and "stopped" in stopped.stdout
    held = begin("resume", "asked", answers="yes\n")
    assert held.returncode == 8 and "stopped by the operator" in held.stderr
    assert begin("rearm", "asked").returncode == 0
    done = begin("resume", "asked", "--json", answers="edit 0 push it\nyes\n" + "yes\n" * 9)
    assert done.returncode == 0, done.stderr
    assert "expected move right, move left or move to 0.7, got 'push it'" in done.stderr
    assert "the dot goes +0." in done.stderr, "an operator is told what branches show"
    assert json.loads(done.stdout)["complete"]


def test_a_killed_run_goes_on_to_the_same_end(
    begin: Begin, forks: Forks, environment: dict[str, str], folder: Path, alone: CompletedProcess[str]
) -> None:
    path = folder / "killed"
    options = ("--world", "dot", "--seed", SEED, "--out", str(path))
    process = forks.begin("run", GOAL, *options, folder=folder, environment=environment)
    events, end = path / "events.jsonl", time.monotonic() + 60
    while not (events.exists() and events.read_text().count('"acted"') >= 5):
        assert process.poll() is None and time.monotonic() < end, "expected a run that could be killed"
        time.sleep(0.005)
    process.kill()
    process.wait()
    assert not (path / "result.json").exists()
    done = begin("resume", "killed", "--json")
    assert done.returncode == 0, done.stderr
    first, second = json.loads(alone.stdout), json.loads(done.stdout)
    for name in ("score", "control_steps", "decisions", "plan", "reason"):
        assert first[name] == second[name]
    assert said(path) == said(folder / "alone")


def test_the_console_shows_it(here: None, tmp_path: Path) -> None:
    with (
        staged(tmp_path / "runs", Options(world="dot")) as stage,
        httpx.Client(base_url=stage.base, headers=stage.headers, timeout=60) as client,
    ):
        page = client.get("/").text
        assert 'placeholder="move the dot to 0.7"' in page and "<label>Line (seed)" in page
        refused = client.post("/runs", data={"instruction": "group the blocks by color"})
        assert refused.status_code == 422 and "expected a place for the dot" in refused.text
        assert client.post("/runs", data={"instruction": GOAL, "seed": SEED}).status_code == 204
        assert stage.desk.wait(lambda scene: scene.waits == 1, 60)
        shown = client.get("/part/plan").text
        assert "move to 0.90" in shown and 'placeholder="move right"' in shown
        assert stage.desk.frame is not None and stage.desk.frame.shape == (32, 64, 3)
        assert client.get("/camera.jpg").headers["content-type"] == "image/jpeg"
        stage.desk.answer(stage.desk.scene.run, 1, Answer.approve("Ada"))
        assert stage.desk.wait(lambda scene: not scene.busy or scene.waits > 1, 60)
        while stage.desk.scene.busy:
            stage.desk.answer(stage.desk.scene.run, stage.desk.scene.waits, Answer.approve("Ada"))
            assert stage.desk.wait(lambda scene: not scene.busy, 60)
    (result,) = (tmp_path / "runs").glob("*/result.json")
    assert json.loads(result.read_text())["complete"]


def test_programs_plan_amend_and_act_in_it(here: None, tmp_path: Path) -> None:
    with Agent.simulated(world="dot", seed=int(SEED), settings=Settings(seed=3), root=tmp_path) as agent:
        told = worded(agent.domain.wording)
        assert told["list_tasks"] == "What can be asked for on this line: tasks, dots; the standing rules."
        offered = Plans(agent).list_tasks()
        assert offered["dots"] == ["dot"] and "move the dot to 0.7" in offered["tasks"]
        first = agent.plan("move the dot to 0.25")
        with pytest.raises(UsageError, match="expected move right, move left"):
            agent.amend(first, Answer.edit(0, "push the red moon left"))
        plan = agent.amend(first, Answer.edit(0, "move right"))
        assert plan.subgoals[0] == "move right"
        result = agent.execute(plan, plan.approved(by="Ada", replan="auto"))
        assert result["reason"] == "done" and result["judged_by"] == "camera"
        assert agent.observe()["effector_target_translation"][0] == pytest.approx(0.25, abs=0.015)


def test_standing_rules_hold_of_clips_and_of_actions(here: None, tmp_path: Path) -> None:
    rules, settings = ["stay left of 0.3"], replace(TREE, seed=int(SEED))
    with Agent.simulated(world="dot", seed=int(SEED), settings=settings, rules=rules, root=tmp_path) as agent:
        plan = agent.plan("move the dot to 0.2")
        with pytest.raises(InstructionError, match="expected what the standing rules allow, got: stay left"):
            agent.plan("move the dot to 0.4")
    (found,) = [e for e in read_events(plan.path / "events.jsonl") if isinstance(e, Searched)]
    assert found.rejected == {"the rule: stay left of 0.3": 4}, "every clip of moving right"

    from dot.follower import DotFollower  # type: ignore[import-not-found]
    from dot.picture import draw  # type: ignore[import-not-found]
    from dot.robot import DotRobot  # type: ignore[import-not-found]
    from dot.rules import StayingRobot, read  # type: ignore[import-not-found]

    from executors.safety.gate import GateError

    robot = StayingRobot(DotRobot(0.29, None, 10), read(["stay left of 0.3"]))
    robot.connect()
    with pytest.raises(GateError, match=r"stay left of 0\.3; nothing was sent"):
        robot.send_action(np.array([0.02], np.float32))
    lost = DotFollower(robot).follow(np.stack([draw(0.2), draw(0.6)]), lambda *step: False)
    assert lost.outcome == "refused" and lost.diverged == 2
    assert replanned(replace(lost, reason=""), time=0.0).reason.startswith("the dot is 0.3"), lost
    assert robot.send_action(np.array([-0.02], np.float32)) == pytest.approx([-0.02])


@pytest.mark.parametrize("number", range(len(scripts())))
def test_the_pages_code_runs(
    here: None, number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    exec(compile(scripts()[number], f"extending.md, block {number}", "exec"), {"__name__": "__main__"})


def test_the_page_shows_each_thing_that_can_be_new(here: None) -> None:
    files = {name for _, name, _ in blocks() if name}
    assert {"dot/__init__.py", "dot/video.py", "dot/robot.py", "dot/goals.py", "dot/guards.py"} <= files
    assert len(scripts()) == 3
    assert installed()["dot"].value == "dot:Dot"
