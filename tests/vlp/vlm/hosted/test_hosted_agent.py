"""The agent with a VLM behind a server: the same plan as its twin, and nothing moves on a bad reply."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from executors.tabletop.simulated import SimulatedRobot
from tasks.tabletop.language.subgoals import BOARD
from tests.vlp.twin import said, twin_of
from tests.vlp.vlm.hosted.test_endpoint import CASES, KEY, Case
from vlp.agent.agent import AgentLoop
from vlp.agent.sense import MAX_DOUBTS
from vlp.bench.episode import NoFolder
from vlp.cli.main import main
from vlp.domains.tabletop.build import TabletopParts, build
from vlp.errors import ModelError, ModelSwitched
from vlp.events.types import Acted, Event, Events, Judged, ModelUsed, Searched
from vlp.models.choose import choose
from vlp.models.chosen import Hosted, Models
from vlp.models.fallback import FallbackVLM
from vlp.record.folder import RunFolder
from vlp.settings import Settings
from vlp.vlm.hosted.budget import Budget, CallLimits
from vlp.vlm.hosted.endpoint import Endpoint
from vlp.vlm.hosted.endpoint_config import EndpointConfig
from vlp.vlm.hosted.fakes import Body, ChatServer, reply, send_well
from vlp.vlm.hosted.hosted import HostedConfig, HostedVLM

GOAL = "group the blocks by color"
SMALL = Settings(
    seed=1_000_003, beams=1, language_branches=2, video_branches=2, horizon=2, max_control_steps=12
)


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)


@pytest.fixture(scope="module")
def parts() -> TabletopParts:
    return build(device="cpu")


@pytest.fixture(scope="module")
def twin(parts: TabletopParts) -> Iterator[ChatServer]:
    with ChatServer(twin_of(parts.proposer)) as server:
        yield server


def hosted(parts: TabletopParts, server: ChatServer, deadline: float = 20.0, calls: int = 500) -> HostedVLM:
    endpoint = Endpoint(
        EndpointConfig(model="fake", url=server.url, deadline=deadline), Budget(CallLimits(calls=calls))
    )
    config = HostedConfig(pictures=64, samples=1)
    return HostedVLM(
        endpoint,
        BOARD.seen_by(lambda frames: [list(found) for found in parts.probe.blocks_of(frames)]),
        config,
    )


def using(parts: TabletopParts, vlm: Any, *, success: bool = False) -> TabletopParts:
    return replace(parts, proposer=vlm, value=vlm, accounted=(vlm,), success=vlm if success else None)


def agent_on(parts: TabletopParts, settings: Settings = SMALL) -> tuple[AgentLoop, list[Event]]:
    events, seen = Events(), list[Event]()
    events.subscribe(seen.append)
    robot = SimulatedRobot(GOAL, seed=settings.seed, max_steps=settings.max_control_steps)
    robot.connect()
    return AgentLoop(parts, robot, settings, events=events, folder=cast(RunFolder, NoFolder())), seen


# -- the twin ------------------------------------------------------------------------------------------


def test_a_twin_behind_the_interface_gives_the_same_plan(parts: TabletopParts, twin: ChatServer) -> None:
    settings = replace(SMALL, language_branches=4, video_branches=4)
    own = agent_on(parts, settings)[0].plan(GOAL)
    other = agent_on(using(parts, hosted(parts, twin)), settings)[0].plan(GOAL)
    assert own.plan.subgoals == other.plan.subgoals and len(own.plan) >= 1
    assert [node.subgoal for node in own.tree.nodes] == [node.subgoal for node in other.tree.nodes]
    for ours, theirs in zip(own.plan, other.plan, strict=True):
        assert np.array_equal(ours.clip, theirs.clip) and ours.node_id == theirs.node_id
        assert ours.steps_to_go == pytest.approx(theirs.steps_to_go, abs=1e-2)


def test_the_run_tells_what_the_model_was_asked_and_cost(parts: TabletopParts, twin: ChatServer) -> None:
    agent, seen = agent_on(using(parts, hosted(parts, twin)))
    result = agent.run(GOAL)
    used = [event for event in seen if isinstance(event, ModelUsed)]
    searched = [event for event in seen if isinstance(event, Searched)]
    assert len(used) == len(searched) == result["decisions"] >= 1
    assert "of 500 calls" in used[-1].spent and any(isinstance(event, Acted) for event in seen)
    (account,) = result["models_used"]
    assert account["backend"] == "openai" and account["url"] == twin.url
    assert account["can"]["logprobs"] is False and account["spent"]["calls"] >= 3
    assert KEY not in json.dumps(result) + "".join(event.model_dump_json() for event in seen)


# -- bad replies ---------------------------------------------------------------------------------------


def stands_still(parts: TabletopParts, case: Case, fault: Any) -> None:
    """That a run whose model fails so ends without a move; `fault` is the case's, or none."""
    with ChatServer(twin_of(parts.proposer), fault) as server:
        agent, seen = agent_on(using(parts, hosted(parts, server, case.deadline)))
        before = agent.robot.get_observation()
        result = agent.run(GOAL)
        after = agent.robot.get_observation()
    assert isinstance(agent.failure, ModelError) and case.error and case.error in result["reason"]
    assert result["control_steps"] == 0 and not any(isinstance(event, Acted) for event in seen)
    assert np.array_equal(before["effector_translation"], after["effector_translation"])
    assert np.array_equal(before["rgb"], after["rgb"])


LASTING = {
    name: replace(case, deadline=min(case.deadline, 1.0) if "within" in str(case.error) else 20.0)
    for name, case in CASES.items()
    if case.error is not None
}
LASTING = {
    name: replace(case, error="expected steps as JSON") if "subgoals as JSON" in str(case.error) else case
    for name, case in LASTING.items()
}
"""The board is scored before anything is proposed, so that is the first question to fail."""


@pytest.mark.parametrize("name", LASTING)
def test_the_robot_never_moves_on_a_bad_reply(name: str, parts: TabletopParts) -> None:
    stands_still(parts, LASTING[name], LASTING[name].fault)


def test_a_server_that_fails_after_the_first_plan_stops_the_run_where_it_is(parts: TabletopParts) -> None:
    """What was acted is told, and nothing moves from then on."""
    settings = replace(SMALL, max_control_steps=200, horizon=1)
    with ChatServer(twin_of(parts.proposer), later) as server:
        agent, seen = agent_on(using(parts, hosted(parts, server)), settings)
        result = agent.run(GOAL)
    kinds = [event.kind for event in seen]
    assert isinstance(agent.failure, ModelError) and "no chat completion" in result["reason"]
    assert result["control_steps"] > 0 and result["decisions"] == 2
    assert kinds.count("verified") == 1 and "acted" not in kinds[kinds.index("verified") :]


def later(handler: Any, body: bytes, number: int) -> None:
    """A fault from the second decision on: four questions are those of the first."""
    send_well(handler, body if number < 4 else b"{", number)


def test_without_a_fault_that_test_fails(parts: TabletopParts) -> None:
    with pytest.raises(AssertionError):
        stands_still(parts, LASTING["malformed JSON"], send_well)


def test_it_stops_where_the_budget_ends(parts: TabletopParts, twin: ChatServer) -> None:
    agent, _ = agent_on(using(parts, hosted(parts, twin, calls=3)))
    result = agent.run(GOAL)
    assert "expected to stay within 3 calls" in result["reason"] and result["control_steps"] == 0


def test_subgoals_about_unknown_blocks_come_to_no_plan(parts: TabletopParts) -> None:
    answers = twin_of(parts.proposer)

    def confused(request: Body) -> Body:
        text = said(request)
        if "Suggest" in text or "can't be carried out" in text:
            return reply(json.dumps({"subgoals": ["push the purple cow"]}))
        return answers(request)

    with ChatServer(confused) as server:
        agent, seen = agent_on(using(parts, hosted(parts, server)))
        result = agent.run(GOAL)
    assert result["reason"].startswith("no plan") and result["control_steps"] == 0
    notes = [note for event in seen if isinstance(event, ModelUsed) for note in event.notes]
    assert notes and all(note.startswith("dropped: push the purple cow") for note in notes)


# -- fallback and roles --------------------------------------------------------------------------------


class Failing:
    """A VLM that fails from a call on."""

    def __init__(self, vlm: Any, calls: int) -> None:
        self._vlm, self._left = vlm, calls

    def _count(self) -> None:
        self._left -= 1
        if self._left < 0:
            raise ModelError("VLM: it fails")

    def propose(self, *args: Any, **more: Any) -> Any:
        self._count()
        return self._vlm.propose(*args, **more)

    def steps_to_go(self, *args: Any) -> Any:
        self._count()
        return self._vlm.steps_to_go(*args)


@pytest.mark.parametrize("calls", [0, 1, 2, 3])
def test_the_fallback_gives_the_bundled_plan_wherever_the_first_fails(
    calls: int, parts: TabletopParts
) -> None:
    expected = agent_on(parts)[0].plan(GOAL)
    vlm = FallbackVLM(Failing(parts.proposer, calls), parts.proposer)
    agent, seen = agent_on(using(parts, vlm))
    found = agent.plan(GOAL)
    assert found.plan.subgoals == expected.plan.subgoals
    assert [node.steps_to_go for node in found.tree.nodes] == [n.steps_to_go for n in expected.tree.nodes]
    (used,) = [event for event in seen if isinstance(event, ModelUsed)]
    assert used.notes[0].startswith("fell back: ") and vlm.account()["fell_back"]


def test_a_fallback_says_so_once(parts: TabletopParts) -> None:
    vlm = FallbackVLM(Failing(parts.proposer, 0), parts.proposer)
    frame = np.zeros((1, 96, 128, 3), np.uint8)
    with pytest.raises(ModelSwitched):
        vlm.steps_to_go(frame, GOAL)
    assert vlm.steps_to_go(frame, GOAL).mean == parts.value.steps_to_go(frame, GOAL).mean
    assert vlm.success(frame[0], GOAL).reached


def test_roles(twin: ChatServer) -> None:
    hosted = Hosted(endpoint=EndpointConfig(model="fake", url=twin.url))
    bundled = object()
    chosen = choose(
        Models(vlm=hosted, roles=("proposer",)), bundled, BOARD.seen_by(lambda frames: []), device="cpu"
    )
    assert isinstance(chosen.proposer, HostedVLM) and chosen.value is bundled and chosen.success is None
    chosen = choose(
        Models(vlm=hosted, fallback=True), bundled, BOARD.seen_by(lambda frames: []), device="cpu"
    )
    assert isinstance(chosen.value, FallbackVLM) and chosen.success is chosen.value
    assert choose(Models(), bundled, BOARD.seen_by(lambda frames: []), device="cpu").accounted == ()


# -- success -------------------------------------------------------------------------------------------


class Doubter:
    """Says "not done", whatever it sees."""

    def __init__(self) -> None:
        self.asked = 0

    def success(self, frame: np.ndarray, goal: str) -> Any:
        from vlp.vlm.hosted.replies import Success

        self.asked += 1
        return Success(reached=False, why="it does not look so")


def test_a_doubting_judge_is_heard_but_not_for_ever(
    parts: TabletopParts, monkeypatch: pytest.MonkeyPatch
) -> None:
    doubter, goal = Doubter(), "push the red moon to the center"
    robot = SimulatedRobot(None, seed=3, max_steps=200)
    robot.connect()
    events, seen = Events(), list[Event]()
    events.subscribe(seen.append)
    settings = replace(SMALL, max_control_steps=200)
    agent = AgentLoop(
        replace(parts, success=doubter), robot, settings, events=events, folder=cast(RunFolder, NoFolder())
    )
    agent._begin(goal)
    monkeypatch.setattr(agent, "_seen_done", lambda surely=True: False)
    heard = [agent._confirmed() for _ in range(MAX_DOUBTS + 2)]
    assert heard == [False] * MAX_DOUBTS + [True] * 2 and doubter.asked == MAX_DOUBTS
    agent._doubts = 0
    monkeypatch.setattr(agent, "_seen_done", lambda surely=True: True)
    assert agent._confirmed(), "what is surely done is not pushed about, whatever a VLM says"
    assert [event.why for event in seen if isinstance(event, Judged)][:MAX_DOUBTS] == [
        "it does not look so"
    ] * MAX_DOUBTS


# -- the command line ----------------------------------------------------------------------------------

FLAGS = [
    "--beams",
    "1",
    "--language-branches",
    "2",
    "--video-branches",
    "1",
    "--horizon",
    "1",
    "--device",
    "cpu",
]


def test_the_command_line_plans_with_a_server(
    twin: ChatServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    where = ["--vlm", "openai:fake", "--vlm-url", twin.url, "--vlm-price", "1", "2", "--vlm-max-cost", "3"]
    code = main(["plan", GOAL, "--seed", "1000003", "--out", str(tmp_path / "run"), "--json", *where, *FLAGS])
    out, err = capsys.readouterr()
    assert code == 0
    (used,) = json.loads(out.splitlines()[-1])["models_used"]
    assert used["spent"]["cost"] > 0
    assert "fake: " in err and "dollars" in err
    files = [path for path in (tmp_path / "run").rglob("*") if path.suffix in (".json", ".jsonl", ".html")]
    assert len(files) >= 3 and not any(KEY in path.read_text() for path in files)


def test_a_server_that_fails_is_one_line_and_an_exit_code(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with ChatServer(lambda request: reply("no idea")) as server:
        where = ["--vlm", "openai:fake", "--vlm-url", server.url]
        code = main(["run", GOAL, "--seed", "1000003", "--out", str(tmp_path / "run"), *where, *FLAGS])
    err = capsys.readouterr().err
    assert code == 6
    assert err.splitlines()[-1].startswith(
        "vlp: error: VLM fake: expected a usable reply, got 3 that were not"
    )
    result = json.loads((tmp_path / "run" / "result.json").read_text())
    assert result["control_steps"] == 0 and "usable reply" in result["reason"]


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        (["--vlm", "gpt"], "vlm: expected one of bundled, openai:MODEL, transformers:PATH"),
        (["--vlm", "openai:"], "vlm: expected one of"),
        (["--vlm", "transformers:./nowhere"], "vlm: expected a folder of weights"),
        (["--vlm-url", "http://127.0.0.1:1/v1"], "vlm-url: expected --vlm openai:MODEL"),
        (["--vlm-fallback"], "vlm-fallback: expected --vlm openai:MODEL"),
        (["--vlm", "openai:m", "--vlm-url", "gopher://x"], "vlm-url: expected http"),
        (["--vlm", "openai:m", "--vlm-deadline", "0"], "vlm-deadline: expected seconds above 0"),
        (["--vlm", "openai:m", "--vlm-max-cost", "1"], "--vlm-price"),
        (["--vlm", "openai:m", "--vlm-max-calls", "0"], "1 or more calls"),
        (["--video", "sora"], "video: expected one of bundled, diffusers:PATH"),
        (["--video", "diffusers:/no/where"], "video: expected a folder of weights"),
        (["--video-steps", "3"], "video-steps: expected --video diffusers:PATH"),
        (["--video", "diffusers:a/b", "--video-size", "big"], "video-size: expected HEIGHTxWIDTH"),
        (["--video", "diffusers:a/b", "--video-frames", "1"], "video-frames: expected 2 or more"),
    ],
)
def test_what_makes_no_sense_is_said_before_anything_is_loaded(
    flags: list[str], expected: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "run"
    assert main(["plan", GOAL, "--seed", "1000003", "--out", str(out), *flags]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert expected in line and not out.exists()


def test_openai_itself_needs_a_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY")
    out = tmp_path / "run"
    assert main(["plan", GOAL, "--seed", "1000003", "--out", str(out), "--vlm", "openai:gpt"]) == 2
    assert "OPENAI_API_KEY" in capsys.readouterr().err and not out.exists()
