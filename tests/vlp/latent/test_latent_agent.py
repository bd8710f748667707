"""An agent of learned models on the real simulator: pixels and words are all that it acts on."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from executors.robot import Observation
from executors.tabletop.simulated import SimulatedRobot
from executors.wrapped import WrappedRobot
from planner import Proposal
from tasks.domain import UnknownInstruction
from tasks.tabletop.world.limits import LIMITS
from tests.conftest import Vlp
from video.latent import text
from video.latent.bundle import LatentBundle
from video.latent.pipeline import LatentPipeline
from vlp.agent.agent import AgentLoop
from vlp.bench.episode import run
from vlp.bench.tabletop.episode import TabletopEpisode
from vlp.bench.tabletop.methods import METHODS
from vlp.domains.base import domain
from vlp.domains.tabletop.latent import learned, read
from vlp.errors import UsageError, WeightsError
from vlp.events.timing import Stopwatch
from vlp.events.types import Events
from vlp.latent.build import latent_parts
from vlp.latent.folder import is_latent, verified, verify_latent
from vlp.latent.sight import LatentSight
from vlp.record.folder import RunFolder
from vlp.settings import Settings
from vlp.vlm.latent.vlm import LatentVLM

GOAL = "group the blocks by color"
FEW = Settings(
    seed=1_000_002, beams=1, language_branches=1, video_branches=2, horizon=1, max_control_steps=16
)


class Blind(WrappedRobot):
    """A robot that tells nothing but its picture and its set point, and keeps what is sent."""

    def __init__(self, robot: SimulatedRobot, *, tells: bool) -> None:
        super().__init__(robot)
        self._tells = tells
        self.sent: list[Any] = []

    @property
    def info(self) -> dict[str, Any]:
        return super().info if self._tells else {}

    @property
    def terminated(self) -> bool:
        return super().terminated and self._tells

    def get_observation(self) -> Observation:
        whole = super().get_observation()
        known = ("rgb", "effector_target_translation")
        return whole if self._tells else {name: whole[name] for name in known}

    def send_action(self, action: np.ndarray) -> np.ndarray:
        self.sent.append(np.array(action))
        return super().send_action(action)


def acted(weights: Path, folder: Path, *, tells: bool) -> tuple[list[Any], dict[str, Any]]:
    """What a run sends, and its result."""
    parts = learned(weights, device="cpu", sampling_steps=2, models=None)
    robot = Blind(SimulatedRobot(GOAL, seed=FEW.seed, max_steps=16), tells=tells)
    with RunFolder.create(folder, "run") as kept:
        events = Events()
        events.subscribe(kept.record)
        result = AgentLoop(parts, robot, FEW, events=events, folder=kept).run(GOAL)
        kept.finish(result)
    return robot.sent, result


def test_what_the_simulator_knows_changes_nothing(weights: Path, tmp_path: Path) -> None:
    told, result = acted(weights, tmp_path / "told", tells=True)
    blind, _ = acted(weights, tmp_path / "blind", tells=False)
    assert len(told) == len(blind) > 0
    assert all((one == other).all() for one, other in zip(told, blind, strict=True))
    assert result["score"] is None, f"nobody kept score: {result}"


def test_weights_of_another_robot_are_refused(weights: Path) -> None:
    three = type(LIMITS)(low=(*LIMITS.low, 0.0), high=(*LIMITS.high, 1.0), max_step=LIMITS.max_step)
    with pytest.raises(UsageError, match="expected weights of actions of 3 numbers, got 2 in"):
        latent_parts(weights, three, device="cpu")


def test_without_a_policy_the_subgoal_s_words_are_acted_on(weights: Path, tmp_path: Path) -> None:
    shutil.copytree(weights, tmp_path / "some", ignore=shutil.ignore_patterns("policy"))
    parts = learned(tmp_path / "some", device="cpu", sampling_steps=2, models=None)
    robot, words = Blind(SimulatedRobot(GOAL, seed=FEW.seed), tells=False), "push the red moon up"
    robot.connect()
    frame = robot.get_observation()["rgb"]
    likely = LatentPipeline(LatentBundle.load(weights)).likely(frame[None], [words])[0]
    clip = np.zeros((3, *frame.shape), np.uint8)
    parts.follower("every-frame", robot, Stopwatch()).follow(clip, lambda *_: True, words=words)
    np.testing.assert_allclose(robot.sent, likely[:1], atol=1e-6)


@pytest.mark.parametrize("part", ["transformer", "vlm/model"])
def test_a_part_that_is_missing_is_said(weights: Path, tmp_path: Path, part: str) -> None:
    shutil.copytree(weights, tmp_path / "some")
    shutil.rmtree(tmp_path / "some" / part)
    with pytest.raises(WeightsError, match=r"models: expected a .*; train or choose one"):
        latent_parts(tmp_path / "some", LIMITS, device="cpu")


def test_every_file_that_is_loaded_is_in_the_digests(weights: Path) -> None:
    assert is_latent(weights) and not is_latent(weights / "vlm")
    hashes = verify_latent(weights)
    parts = ("autoencoder", "transformer", "vlm", "vlm/model", "policy")
    assert {"learned", *(f"learned/{part}" for part in parts)} <= set(hashes)
    assert hashes == domain("tabletop").verify(weights)


def test_rules_need_eyes_for_blocks(weights: Path) -> None:
    tabletop = domain("tabletop")
    parts = tabletop.parts(weights=weights, device="cpu", sampling_steps=2, models=None)
    rules = tabletop.read_rules(["never move the red star"], ["red_star"])
    with pytest.raises(UsageError, match="rule: expected models that see where blocks are, got learned ones"):
        tabletop.under_rules(parts, rules)


def test_goals_are_told_in_the_words_of_the_demonstrations() -> None:
    for said in ("Group the blocks by color.", "please group the blocks by colour"):
        assert read(said) == "group the blocks by color"
    assert read("push the red moon to the blue cube") == "push the red moon next to the blue cube"
    with pytest.raises(UnknownInstruction):
        read("make me a coffee")


def test_what_would_not_be_heard_to_its_end_is_refused(weights: Path) -> None:
    """Less than was asked would be done."""
    vlm = LatentVLM.load(weights / "vlm")
    sight, longest = LatentSight(vlm, 2), "push the red moon"
    while not vlm.unread(f"{longest}?"):
        longest += "?"
    assert len(text.encode(vlm._reader, [longest])[0].nonzero()) == text.MAX_TOKENS
    sight.check_subgoal(longest)
    assert sight.understand(longest, {}).text == longest
    for ask in (lambda: sight.understand(f"{longest}?", {}), lambda: sight.check_subgoal(f"{longest}?")):
        with pytest.raises(ValueError, match=r"at most 24 tokens, got 25, of which the last 1 would not"):
            ask()


def test_a_plan_from_the_command_line(vlp: Vlp, weights: Path, tmp_path: Path) -> None:
    few = ("--beams", "1", "--language-branches", "1", "--video-branches", "2", "--horizon", "1")
    where = ("--seed", "1000002", "--device", "cpu", "--json", "--out", str(tmp_path / "run"))
    done = vlp("plan", GOAL, "--models", str(weights), *few, *where)
    assert not done.returncode, done.stderr
    result = json.loads(done.stdout.splitlines()[-1])
    assert "learned/transformer" in result["models"] and (tmp_path / "run" / "report.html").is_file()


def test_models_that_are_not_there_are_said(vlp: Vlp, tmp_path: Path) -> None:
    done = vlp("plan", GOAL, "--models", str(tmp_path / "nowhere"), "--out", str(tmp_path / "run"))
    assert done.returncode != 0 and len(done.stderr.strip().splitlines()) == 1
    assert not (tmp_path / "run").exists()


def test_learned_weights_that_are_not_bundled_are_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vlp.latent.folder.BUNDLED_LATENT", tmp_path)
    with pytest.raises(WeightsError, match=r"expected learned weights among the bundled ones, got none: .*"):
        verified(tmp_path)


@pytest.mark.parametrize(("method", "said"), [("no-video", "what is proposed"), ("lava-like", GOAL)])
def test_methods_that_imagine_nothing_act_by_the_prior_of_learned_weights(
    weights: Path, monkeypatch: pytest.MonkeyPatch, method: str, said: str
) -> None:
    asked: list[str] = []

    def actions(self: Any, frame: Any, goal: Any, words: str = "") -> np.ndarray:
        asked.append(words)
        return np.full((6, 2), 0.01, np.float32)

    def proposed(*_: Any, **__: Any) -> list[list[Proposal]]:
        return [[Proposal("what is proposed", 1.0)]]

    monkeypatch.setattr("vlp.bench.tabletop.words_agent.ToldPolicy.actions", actions)
    monkeypatch.setattr("vlp.vlm.latent.vlm.LatentVLM.propose", proposed)
    # One that was hardly trained may take any picture for the end.
    monkeypatch.setattr("vlp.vlm.latent.vlm.LatentVLM.chance", lambda *_: 0.0)
    settings = METHODS[method].settings(FEW)
    episode = TabletopEpisode(method, "group", GOAL, FEW.seed, settings, "own")
    line = run(episode, episode.build(weights))
    assert line["control_steps"] == 16 and set(asked) == {said}
    assert len(asked) <= 8, "two actions a look"
