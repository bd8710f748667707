"""The learned agent in another light: what it sees and does is what it would in its own."""

from __future__ import annotations

import numpy as np
import pytest

from executors.tabletop.simulated import SimulatedRobot
from executors.wrapped import WrappedRobot
from vlp.domains.tabletop.latent import ToldAgent, alone, learned
from vlp.latent.folder import BUNDLED_LATENT

DIM, BRIGHT = 0.8, 1.2
WORDS = "push the red moon to the center"


class Lit(WrappedRobot):
    """A robot in another light."""

    def __init__(self, robot: SimulatedRobot, light: float) -> None:
        super().__init__(robot)
        self._light = light

    def get_observation(self) -> dict[str, np.ndarray]:
        seen = super().get_observation()
        return {**seen, "rgb": (seen["rgb"] * self._light).clip(0, 255).round().astype(np.uint8)}


@pytest.fixture(scope="module")
def robot() -> SimulatedRobot:
    robot = SimulatedRobot(seed=1_000_801)
    robot.connect()
    return robot


def picture(robot: SimulatedRobot | Lit) -> np.ndarray:
    return np.asarray(robot.get_observation()["rgb"])


@pytest.mark.parametrize("light", [DIM, BRIGHT])
def test_the_bundled_agent_sees_its_own_light(robot: SimulatedRobot, light: float) -> None:
    parts = learned(BUNDLED_LATENT, device="cpu", sampling_steps=2, models=None)
    seen, own = parts.harness(Lit(robot, light)), parts.harness(robot)
    assert (own.get_observation()["rgb"] == picture(robot)).all()
    again = seen.get_observation()["rgb"].astype(int)
    assert np.abs(again - picture(robot)).mean() < 4 < 20 < np.abs(picture(Lit(robot, light)) - again).mean()
    assert (
        seen.info == {}
        and (
            seen.get_observation()["effector_translation"] == robot.get_observation()["effector_translation"]
        ).all()
    )


def proposed(agent: ToldAgent, frame: np.ndarray) -> set[str]:
    """The four subgoals that are proposed for a frame; how likely each is comes of a draw."""
    (found,) = agent._imagination.propose(frame[None], "group the blocks by color", 4, seed=1)
    return {proposal.text for proposal in found}


def test_one_that_acts_alone_does_the_same_in_another_light(robot: SimulatedRobot) -> None:
    agent = alone(BUNDLED_LATENT)
    own, dim = (agent.actions(frame, WORDS) for frame in (picture(robot), picture(Lit(robot, DIM))))
    assert np.abs(own).max() > 0.01 and np.abs(own - dim).mean() < 0.2 * np.abs(own).mean()
    assert proposed(agent, picture(robot)) == proposed(agent, picture(Lit(robot, DIM)))
    agent._imagination.bundle.exposure = None
    blind = agent.actions(picture(Lit(robot, DIM)), WORDS)
    assert np.abs(own - blind).mean() > 2 * np.abs(own - dim).mean()
    assert proposed(agent, picture(robot)) != proposed(agent, picture(Lit(robot, DIM)))
