"""What the robot itself does in the time of a clip, told in words: what imagining it is measured by."""

from __future__ import annotations

import numpy as np

from executors.tabletop.simulated import SimulatedRobot
from planner import Frames
from tasks.tabletop.world.layout import Layout
from vlp.domains.tabletop.latent import ToldAgent

STEPS, EXECUTE = 48, 4
"""Control steps of a clip of the bundled weights, and how many are sent until the camera is looked at again,
as where they imagine."""


def acted(agent: ToldAgent, layout: Layout, words: str) -> Frames:
    """The camera's picture uint8 [H, W, 3] at the end; once the agent says that it is over, it rests."""
    robot = SimulatedRobot(seed=0, layout=layout)
    robot.connect()
    begun, over, sent = robot.get_observation()["rgb"].copy(), False, 0
    while sent < STEPS:
        now = robot.get_observation()["rgb"]
        over = over or bool(sent and agent.over(begun, now, words))
        actions = agent.actions(now, words)[:EXECUTE]
        for action in np.zeros_like(actions) if over else actions:
            robot.send_action(action)
        sent += len(actions)
    last = robot.get_observation()["rgb"].copy()
    robot.disconnect()
    return np.asarray(last)
