"""How sure a plan is, and what happens to plans that are not sure enough."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from executors.tabletop.simulated import SimulatedRobot
from planner import Search
from tests.conftest import Vlp
from vlp.agent.agent import AgentLoop
from vlp.agent.ambiguity import ways
from vlp.agent.approval import Answer
from vlp.agent.graph import WAITS
from vlp.domains.tabletop.build import TabletopParts, build
from vlp.domains.tabletop.confidence import FEATURES, FittedConfidence, features
from vlp.errors import NoPlanError, UsageError
from vlp.evaluate.reliability import reliability
from vlp.evaluate.tabletop.confidence import fit, samples
from vlp.evaluate.tabletop.recorded import Recorded
from vlp.events.types import Event, Events, Unsure
from vlp.record.folder import RunFolder
from vlp.sdk import Agent as SdkAgent
from vlp.settings import Settings

GOAL = "group the blocks by color"
SMALL = Settings(
    seed=1_000_002,
    beams=1,
    language_branches=3,
    video_branches=2,
    max_control_steps=20,
    device="cpu",
    min_confidence=0.5,
)


@dataclass(frozen=True)
class Always:
    """A fake confidence, the same of every plan."""

    p: float

    def of(self, found: Search) -> float:
        return self.p


@pytest.fixture(scope="module")
def parts() -> TabletopParts:
    return build(device="cpu")


def run(
    parts: TabletopParts, settings: Settings, folder: Path, answers: list[Answer | None]
) -> tuple[dict[str, Any], list[Event], list[Search]]:
    """What a run ended with, its events, and what an operator was shown."""
    robot, events = SimulatedRobot(GOAL, seed=settings.seed), Events()
    heard: list[Event] = []
    shown: list[Search] = []
    events.subscribe(heard.append)

    def ask(decision: int, found: Search) -> Answer | None:
        shown.append(found)
        return answers.pop(0)

    with RunFolder.create(folder, "run") as made:
        agent = AgentLoop(parts, robot, settings, events=events, folder=made)
        result = agent.run(GOAL, ask)
        made.finish(result)
    robot.disconnect()
    return result, heard, shown


def test_an_unsure_plan_is_asked_about_where_branches_end_differently(
    parts: TabletopParts, tmp_path: Path
) -> None:
    unsure = replace(parts, confidence=Always(0.3))
    result, heard, shown = run(unsure, SMALL, tmp_path / "a", [None])
    assert result["reason"] == WAITS and result["control_steps"] == 0 and len(shown) == 1
    told = next(event for event in heard if isinstance(event, Unsure))
    assert len(told.ways) > 1 and told.expected_success == pytest.approx(0.3) and told.needed == 0.5
    assert {int(node) for node in told.ways} == set(ways(shown[0], parts.sight))
    other = [int(node) for node in told.ways][1]
    result, heard, shown = run(unsure, SMALL, tmp_path / "b", [Answer.pick(other), None])
    assert result["control_steps"] > 0, "what an operator picks is acted on"


def test_nobody_is_asked_where_all_branches_end_alike(parts: TabletopParts, tmp_path: Path) -> None:
    one = replace(SMALL, language_branches=1, video_branches=1)
    result, heard, shown = run(replace(parts, confidence=Always(0.3)), one, tmp_path, [])
    assert not shown and result["control_steps"] == 0 and result["decisions"] == 3
    assert result["reason"] == (
        "no plan is sure enough: expected success 30%, asked for 50%, 3 times in a row"
    )
    assert [event.kind for event in heard].count("unsure") == 3


def test_a_sure_plan_is_acted_on_unasked(parts: TabletopParts, tmp_path: Path) -> None:
    result, heard, shown = run(replace(parts, confidence=Always(0.7)), SMALL, tmp_path, [])
    assert not shown and result["control_steps"] == 20
    assert not any(isinstance(event, Unsure) for event in heard)


def test_ways_are_as_many_as_different_ends(parts: TabletopParts, tmp_path: Path) -> None:
    _, _, shown = run(replace(parts, confidence=Always(0.3)), SMALL, tmp_path, [None])
    (found,) = shown
    chosen = found.tree.nodes[found.plan[0].node_id]
    same = replace(found, tree=replace(found.tree, nodes=tuple(
        replace(node, last_frame=chosen.last_frame) for node in found.tree.nodes
    )))  # fmt: skip
    assert ways(same, parts.sight) == (chosen.id,)
    assert np.isfinite(features(found, parts.probe)).all()


def test_the_sdk_gives_no_plan_that_is_not_sure_enough(parts: TabletopParts, tmp_path: Path) -> None:
    def agent(p: float) -> SdkAgent:
        own = replace(parts, confidence=Always(p))
        return SdkAgent.simulated(seed=SMALL.seed, settings=SMALL, root=tmp_path / f"{p}", parts=own)

    with agent(0.3) as unsure, pytest.raises(NoPlanError, match="expected success 30%, asked for 50%"):
        unsure.plan(GOAL)
    with agent(0.7) as sure:
        assert sure.plan(GOAL).expected_success == pytest.approx(0.7)


def test_a_confidence_of_other_models_is_none(parts: TabletopParts, tmp_path: Path) -> None:
    assert parts.confidence is not None
    assert FittedConfidence.load({"policy": {"model.safetensors": "0" * 64}}) is None
    with pytest.raises(UsageError, match="expected the bundled models"):
        run(replace(parts, confidence=None), SMALL, tmp_path, [])


def test_a_fit_finds_what_made_the_data() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(4000, len(FEATURES)))
    truth = FittedConfidence(tuple(np.linspace(-1, 1, len(FEATURES))), 0.4)
    y = (rng.random(len(x)) < truth.of(x)).astype(float)
    found = fit(x, y)
    assert np.abs(np.array(found.weights) - truth.weights).max() < 0.2
    said = reliability(found.of(x), y)
    assert said["expected_calibration_error"] < 0.03 and said["brier"] < said["brier_of_overall_share"]
    off = reliability(np.clip(found.of(x) + 0.3, 0, 1), y)
    assert off["expected_calibration_error"] > 0.2, "and what is off is seen to be"


def test_runs_are_recorded_decision_by_decision(parts: TabletopParts) -> None:
    settings = replace(SMALL, max_control_steps=40, min_confidence=None)
    line = Recorded("recorded", "group", GOAL, SMALL.seed, settings).measure(parts)
    x, y = samples([line])
    assert len(x) >= 1 and x.shape[1] == len(FEATURES) and np.isfinite(x).all() and set(y) <= {0.0, 1.0}
    assert line["reason"] in ("done", "out of control steps") and 0 <= line["score"] <= 1


def test_on_the_command_line(vlp: Vlp, tmp_path: Path) -> None:
    small = ("--seed", "1000002", "--beams", "1", "--language-branches", "1", "--video-branches", "2")
    done = vlp("plan", GOAL, *small, "--min-confidence", "1", "--json", "--out", str(tmp_path / "a"))
    said = json.loads(done.stdout.splitlines()[-1])
    assert done.returncode == 4 and 0 < said["expected_success"] < 1
    assert "no plan is sure enough" in done.stderr and "asked for 100%" in done.stderr
    done = vlp("plan", GOAL, "--min-confidence", "2")
    assert done.returncode == 2 and "expected a number from 0 to 1" in done.stderr
