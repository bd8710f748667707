"""Pictures of other cameras, given to the SDK: scaled where they can be, else refused in one line."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from executors.robot import Observation
from executors.tabletop.simulated import SimulatedRobot
from executors.wrapped import WrappedRobot
from tasks.tabletop.world.camera import REFERENCE
from tasks.tabletop.world.layout import random_layout
from tasks.tabletop.world.world import World
from tests.vlp.small import GOAL, SMALL
from vlp import Agent
from vlp.domains.tabletop.build import TabletopParts, build
from vlp.errors import HeldError, UsageError, VlpError
from vlp.evaluate.tabletop.spoiled import with_hand
from vlp.session.picture import PictureError, fitted

SHAPE = (96, 128, 3)
Change = Callable[[Any], Any]


@pytest.fixture(scope="module")
def parts() -> TabletopParts:
    return build(device="cpu")


@pytest.fixture
def agent(parts: TabletopParts, tmp_path: Path) -> Iterator[Agent]:
    with Agent.simulated(seed=SMALL.seed, settings=SMALL, root=tmp_path / "runs", parts=parts) as agent:
        yield agent


def larger(picture: np.ndarray[Any, Any], times: int = 5) -> np.ndarray[Any, Any]:
    return picture.repeat(times, 0).repeat(times, 1)


def opaque(picture: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    return np.concatenate([picture, np.full_like(picture[..., :1], 255)], -1)


SAME: dict[str, Change] = {
    "480x640": larger,
    "RGBA": opaque,
    "float 0..1": lambda p: p.astype(np.float32) / 255,
    "float64 RGBA 480x640": lambda p: larger(opaque(p)) / 255.0,
    "int64": lambda p: p.astype(np.int64),
    "read-only": lambda p: np.asarray(Image.fromarray(p)),
    "not contiguous": lambda p: p.transpose(1, 0, 2).copy().transpose(1, 0, 2),
}
REFUSED: dict[str, tuple[Change, str]] = {
    "a list": (lambda p: p.tolist(), "got a list"),
    "None": (lambda p: None, "got a NoneType"),
    "grey": (lambda p: p[..., 0], r"a grey one, uint8 \[96, 128\]"),
    "grey with a channel": (lambda p: p[..., :1], "a grey one"),
    "a batch": (lambda p: p[None], "a stack of pictures"),
    "a batch of two": (lambda p: np.stack([p, p]), "a stack of pictures"),
    "channels first": (lambda p: p.transpose(2, 0, 1), "channels last"),
    "float 0..255": (lambda p: p.astype(np.float32), r"into 0\.\.1"),
    "NaN": (lambda p: np.where(p > 200, np.nan, p / 255), "nan"),
    "negative": (lambda p: p.astype(np.int16) - 300, r"into 0\.\.255"),
    "16 bits": (lambda p: p.astype(np.uint16) * 257, r"into 0\.\.255"),
    "bool": (lambda p: p > 100, "give uint8"),
    "text": (lambda p: p.astype(str), "give uint8"),
    "objects": (lambda p: p.astype(object), "give uint8"),
    "empty": (lambda p: p[:0], r"\[0, 128, 3\]"),
    "tiny": (lambda p: p[::4, ::4], "give at least 48x64"),
    "a number": (lambda p: np.array(3), "give one picture"),
    "five channels": (lambda p: p[..., [0, 1, 2, 0, 1]], "give one picture"),
}


@pytest.mark.parametrize("name", SAME)
def test_what_holds_the_same_picture_gives_it(name: str) -> None:
    picture = np.random.default_rng(0).integers(0, 256, SHAPE).astype(np.uint8)
    found = fitted(SAME[name](picture), SHAPE)
    assert found.dtype == np.uint8 and np.array_equal(found, picture) and found.flags.writeable
    assert fitted(picture, SHAPE) is picture


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_picture_is_refused(agent: Agent, name: str) -> None:
    picture = agent.observe()["rgb"]
    spoil, said = REFUSED[name]
    with pytest.raises(PictureError, match=said):
        fitted(spoil(picture), SHAPE)
    with pytest.raises(UsageError, match=said) as raised:
        agent.plan(GOAL, {**agent.observe(), "rgb": spoil(picture)})
    assert "\n" not in str(raised.value) and "expected a picture" in str(raised.value)
    assert not list(agent.root.glob("2*")), "no run was begun"


def test_other_sides_get_bars() -> None:
    wide = np.full((360, 640, 3), 200, np.uint8)
    found = fitted(wide, SHAPE)
    assert (found[:12] == 0).all() and (found[12:84] == 200).all() and (found[84:] == 0).all()
    assert (fitted(np.full((96, 96, 3), 9, np.uint8), SHAPE)[:, 16:112] == 9).all()


def test_blocks_are_seen_in_a_larger_picture_where_they_are(parts: TabletopParts) -> None:
    world = World()
    world.place(*random_layout(np.random.default_rng(900_001)))
    large, small = world.render(480, 640), world.render()
    world.close()
    assert parts.view is not None and parts.view.fault({"rgb": fitted(large, SHAPE)}) is None
    there, here = parts.probe.blocks(fitted(large, SHAPE)), parts.probe.blocks(small)
    assert there.keys() == here.keys()
    assert all(np.linalg.norm(np.subtract(there[name], here[name])) < 0.006 for name in here)


@pytest.mark.parametrize("name", ["480x640", "RGBA", "float 0..1"])
def test_a_plan_from_another_form_is_the_same(agent: Agent, name: str) -> None:
    plan, seen = agent.plan(GOAL), agent.observe()
    other = agent.plan(GOAL, {**seen, "rgb": SAME[name](seen["rgb"])})
    assert other.subgoals == plan.subgoals and np.array_equal(other.frame, plan.frame)


def test_a_picture_alone_is_enough(agent: Agent) -> None:
    assert agent.plan(GOAL, {"rgb": agent.observe()["rgb"]}).subgoals


@pytest.mark.parametrize(
    ("observation", "said"),
    [
        ({}, r"expected a dictionary with a picture as .rgb., got \[\]"),
        ({"image": 3}, r"got \['image'\]"),
        (np.zeros(SHAPE, np.uint8), "got a ndarray"),
        ("a picture", "got a str"),
    ],
)
def test_what_is_no_observation_is_refused(agent: Agent, observation: Any, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        agent.plan(GOAL, observation)


def test_a_set_point_that_is_none_is_refused(agent: Agent) -> None:
    for place in (None, [1.0], "here", [np.nan, 0.0]):
        with pytest.raises(UsageError, match="expected effector_target_translation as two numbers"):
            agent.plan(GOAL, {**agent.observe(), "effector_target_translation": place})


def test_black_frozen_and_foreign_pictures_are_the_camera_s_fault(agent: Agent) -> None:
    seen, rng = agent.observe(), np.random.default_rng(3)
    with pytest.raises(HeldError, match=r"nothing but \[0, 0, 0\]"):
        agent.plan(GOAL, {**seen, "rgb": np.zeros(SHAPE, np.uint8)})
    with pytest.raises(HeldError, match="nothing but"):
        agent.plan(GOAL, {**seen, "rgb": np.zeros((480, 640, 3), np.float32)})
    with pytest.raises(HeldError, match=r"3\.\d pixels"):
        agent.plan(GOAL, {**seen, "rgb": np.roll(seen["rgb"], 3, 1)})
    with pytest.raises(HeldError, match="something covers the board"):
        agent.plan(GOAL, {**seen, "rgb": with_hand(seen["rgb"], rng)})
    assert agent.plan(GOAL, seen).subgoals and agent.plan(GOAL, seen).subgoals
    gone = seen["effector_target_translation"] + np.array([0.05, 0.0])
    with pytest.raises(HeldError, match="pictures that change"):
        agent.plan(GOAL, {"rgb": seen["rgb"], "effector_target_translation": gone})


class Other(WrappedRobot):
    """A robot with another camera: what it shows goes through `change`."""

    def __init__(self, change: Callable[[Observation], Any]) -> None:
        super().__init__(SimulatedRobot(None, seed=SMALL.seed))
        self.change = change

    def get_observation(self) -> Observation:
        return self.change(super().get_observation())  # type: ignore[no-any-return]


def test_a_robot_with_a_larger_camera_is_driven(parts: TabletopParts, tmp_path: Path) -> None:
    robot = Other(lambda seen: {**seen, "rgb": larger(seen["rgb"])})
    with Agent(robot, settings=SMALL, root=tmp_path, parts=parts) as agent:
        plan = agent.plan(GOAL)
        assert agent.execute(plan, plan.approved(by="Ada"))["control_steps"] == SMALL.max_control_steps
        assert agent.observe()["rgb"].shape == SHAPE


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda seen: {**seen, "rgb": seen["rgb"][..., 0]}, "a grey one"),
        (lambda seen: {**seen, "rgb": seen["rgb"][None]}, "a stack of pictures"),
        (lambda seen: {k: v for k, v in seen.items() if k != "rgb"}, "a picture, rgb"),
        (lambda seen: seen["rgb"], "got a ndarray"),
        (lambda seen: {**seen, "rgb": np.roll(seen["rgb"], 3, 0)}, r"3\.\d down"),
        (lambda seen: {**seen, "rgb": np.zeros_like(seen["rgb"])}, "nothing but"),
    ],
)
def test_a_robot_with_a_camera_that_is_not_ours_is_not_driven(
    parts: TabletopParts, tmp_path: Path, change: Callable[[Observation], Any], said: str
) -> None:
    with Agent(Other(change), settings=SMALL, root=tmp_path, parts=parts) as agent:
        for call in (lambda: agent.plan(GOAL), agent.observe):
            with pytest.raises(VlpError, match=said) as raised:
                call()
            assert isinstance(raised.value, HeldError) and "\n" not in str(raised.value)
        assert agent._robot.sent == 0


def test_the_reference_camera_is_found(parts: TabletopParts, tmp_path: Path) -> None:
    robot = SimulatedRobot(None, seed=SMALL.seed)
    robot.env._world.close()
    robot.env._world = World(REFERENCE)
    said = "expected the board where the camera"
    agent = Agent(robot, settings=SMALL, root=tmp_path, parts=parts)
    with agent, pytest.raises(HeldError, match=said):
        agent.plan(GOAL)


def test_a_camera_that_is_pushed_while_it_acts_holds_the_robot(parts: TabletopParts, tmp_path: Path) -> None:
    robot = Other(lambda seen: seen)
    settings = SMALL
    with Agent(robot, settings=settings, root=tmp_path, parts=parts) as agent:
        plan = agent.plan(GOAL)
        robot.change = lambda seen: {**seen, "rgb": np.roll(seen["rgb"], 3, 1)}
        with pytest.raises(VlpError, match=r"3\.\d right|of it changed|went"):
            agent.execute(plan, plan.approved(by="Ada"))
        assert agent._robot.sent < SMALL.max_control_steps
