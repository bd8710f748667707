"""The tabletop on the bench: every method on real parts in small, and who ends an episode."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from executors.tabletop.simulated import SimulatedRobot
from planner import Frames, Value
from tasks.tabletop.goals import BY_INSTRUCTION
from tasks.tabletop.seeing.encoder import PoseProbe
from tasks.tabletop.world.board import BLOCK_8
from tasks.tabletop.world.layout import random_layout
from tasks.tabletop.world.world import World
from vlp.bench import names
from vlp.bench.episode import run
from vlp.bench.methods import RandomValue
from vlp.bench.protocol import Execution
from vlp.bench.summary import figures
from vlp.bench.tabletop.episode import TabletopEpisode
from vlp.bench.tabletop.methods import METHODS
from vlp.bench.tabletop.suite import SUITE
from vlp.bench.tabletop.tasks import instruction
from vlp.domains.tabletop.build import TabletopParts, build
from vlp.models.weights import BUNDLED, digest, verify
from vlp.settings import TREE

SEED = 1_000_050
SHORT = replace(TREE, seed=SEED, max_control_steps=3, device="cpu")
GROUP = "group the blocks by color"
AREA = "move all blocks to the left side"


@pytest.fixture(scope="module")
def parts() -> TabletopParts:
    return build(device="cpu")


@pytest.fixture
def world() -> Iterator[World]:
    world = World()
    world.place(*random_layout(np.random.default_rng(SEED)))
    yield world
    world.close()


def episode(method: str = "ours") -> TabletopEpisode:
    return TabletopEpisode(method, "group", GROUP, SEED, SHORT)


def test_areas_and_lines_take_turns_and_all_methods_share_boards() -> None:
    asked = Execution(
        suite=SUITE,
        tasks=names.TASKS,
        methods=("ours", "best-of-n"),
        episodes=9,
        first_seed=SEED,
        settings=SHORT,
    )
    plan = asked.plan()
    assert len(plan) == 9 * 3 * 2 and {episode.seed for episode in plan} == set(range(SEED, SEED + 9))
    assert len({e.instruction for e in plan if e.task == "area"}) == 8
    assert [instruction("line", i).split()[2] for i in range(3)] == ["vertical", "horizontal", "vertical"]
    assert all(episode.instruction in BY_INSTRUCTION for episode in plan)
    ours, best = ({(e.task, e.seed, e.instruction) for e in plan if e.method == m} for m in asked.methods)
    assert ours == best
    sizes = {e.method: (e.settings.beams, e.settings.clips, e.settings.horizon) for e in plan}
    assert sizes == {"ours": (2, 32, 2), "best-of-n": (1, 16, 1)}


@pytest.mark.parametrize("name", sorted(set(METHODS) - {"bound-true-value"}))
def test_every_method_decides_and_acts(name: str, parts: TabletopParts) -> None:
    settings = METHODS[name].settings(SHORT)
    smaller = replace(settings, video_branches=1, language_branches=min(2, settings.language_branches))
    line = run(TabletopEpisode(name, "group", GROUP, SEED, smaller), parts)
    assert line["simulator"] == {"score": line["best"], "complete": False, "control_steps": 3}
    assert line["decisions"] >= 1 and line["control_steps"] == 3
    assert 0 <= line["score"] <= 1 and line["seconds_by_part"]["acting"] > 0
    # What is told the whole instruction and imagines nothing has nothing to decide.
    assert ("search" in line["seconds_by_part"]) == (name != "lava-like")


def test_a_method_does_not_change_the_trained_parts(parts: TabletopParts) -> None:
    robot = SimulatedRobot(GROUP, seed=SEED)
    changed = {}
    for name, method in METHODS.items():
        with method.parts(parts, robot, SEED) as own:
            kinds = ("proposer", "video", "value", "policy", "probe", "guards", "verify")
            changed[name] = [key for key in kinds if getattr(own, key) is not getattr(parts, key)]
    robot.disconnect()
    assert changed == {
        "ours": [],
        "no-search": [],
        "rule-only": ["value"],
        "learned-only": ["verify"],
        "random-value": ["value", "verify"],
        "best-of-n": [],
        "no-video": [],
        "unipi-like": ["proposer", "video", "guards"],
        "lava-like": [],
        "bound-simulator-video": ["video"],
        "bound-demonstrator-proposer": ["proposer"],
        "bound-true-value": ["value"],
    }


class Hasty(PoseProbe):
    """Sees every block where the camera does, but to the left."""

    def places(self, frames: Frames) -> tuple[NDArray[np.bool_], NDArray[np.float32]]:
        present, where = super().places(frames)
        where = where.copy()
        where[..., 1] = -np.abs(where[..., 1]) - 0.02
        return present, where


def test_an_episode_ends_where_the_agent_takes_it_to_be_done_and_tells_both_verdicts(
    parts: TabletopParts,
) -> None:
    blocks = {kind: (0.2 + 0.04 * i, -0.2 + 0.05 * (i % 2), 0.0) for i, kind in enumerate(BLOCK_8)}
    settings = replace(SHORT, max_control_steps=40)
    one = TabletopEpisode("ours", "area", AREA, SEED, settings, layout=(blocks, (0.3, 0.2)))
    own, simulator = run(one, parts), run(replace(one, stop="simulator"), parts)
    assert (own["reason"], own["complete"], own["score"]) == ("done", True, 1.0)
    assert (simulator["reason"], simulator["complete"]) == ("complete", True)
    assert own["simulator"] == {name: simulator[name] for name in ("score", "complete", "control_steps")}
    assert own["control_steps"] > simulator["control_steps"], "the agent makes sure"


def test_an_agent_that_is_wrong_is_told_from_one_that_is_right(parts: TabletopParts) -> None:
    blind = parts.seen_by(Hasty(parts.probe.encoder))
    line = run(TabletopEpisode("ours", "area", AREA, SEED, replace(SHORT, max_control_steps=40)), blind)
    assert line["reason"] == "done" and not line["complete"] and line["score"] < 1
    assert not line["simulator"]["complete"]
    found = figures([{**episode().head("w"), **line}])
    assert found["said_done_and_was_not"]["share"] == 1.0 and found["complete"]["share"] == 0.0


def test_a_random_value_follows_its_seed_and_not_the_frames() -> None:
    frames = np.zeros((50, 4, 4, 3), np.uint8)
    first, again, other = RandomValue(1), RandomValue(1), RandomValue(2)
    assert isinstance(first, Value)
    drawn = first.steps_to_go(frames, GROUP).mean
    assert (drawn == again.steps_to_go(frames + 9, "another goal").mean).all()
    assert (drawn != other.steps_to_go(frames, GROUP).mean).all()
    assert len(set(drawn.tolist())) == 50
    # Never so low that a beam is taken for done, nor so far apart that a gain is too good to be true.
    assert drawn.min() >= 100 and drawn.max() - drawn.min() < 200


def test_the_rule_alone_and_the_learned_value_alone(parts: TabletopParts, world: World) -> None:
    robot = SimulatedRobot(GROUP, seed=SEED)
    with METHODS["rule-only"].parts(parts, robot, SEED) as own:
        assert own.verify is not None and not own.value.steps_to_go(world.render()[None], GROUP).mean.any()
    with METHODS["learned-only"].parts(parts, robot, SEED) as own:
        assert own.verify is None and own.value is parts.value
    robot.disconnect()


@pytest.mark.parametrize(
    ("part", "concerned"),
    [
        ("language_policy", {"lava-like", "no-video"}),
        ("whole_denoiser", {"unipi-like"}),
        ("denoiser", {"ours", "unipi-like"}),
        ("vlm", {"ours", "unipi-like", "lava-like", "no-video"}),
    ],
)
def test_weights_concern_the_methods_that_run_on_them(part: str, concerned: set[str]) -> None:
    hashes = verify(BUNDLED)
    changed = {**hashes, part: {"model.safetensors": "0" * 64}}
    for method in ("ours", "unipi-like", "lava-like", "no-video"):
        own = episode(method).runs_on
        assert (digest(changed, own) != digest(hashes, own)) is (method in concerned)


def test_what_is_measured_can_be_read_back(parts: TabletopParts) -> None:
    line: dict[str, Any] = run(replace(episode(), settings=METHODS["no-search"].settings(SHORT)), parts)
    assert json.loads(json.dumps(line)) == line
