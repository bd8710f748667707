"""What the action prior and the learned VLM do by themselves on a goal, without imagining anything."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from executors.tabletop.simulated import SimulatedRobot
from planner import Frames
from vlp.domains.tabletop.latent import ToldAgent


@dataclass(frozen=True)
class Pace:
    """When it looks again."""

    stalled: int = 60
    """Control steps after which a subgoal that is not seen to be over is given up."""
    execute: int = 2
    """Actions sent until the camera is looked at again."""


def by_itself(
    agent: ToldAgent,
    robot: SimulatedRobot,
    look: Callable[[], Frames],
    goal: str,
    seed: int,
    pace: Pace,
    asked: Callable[[Frames], None] = lambda now: None,
) -> bool:
    """Whether the simulator's goal was reached before the robot's last control step, whatever the agent
    thought of it. `asked` is told what is seen each time that a subgoal is chosen."""
    words, since, number = "", 0, 0
    begun = look()
    while not (robot.terminated or robot.truncated):
        now = look()
        if not words or since >= pace.stalled or agent.over(begun, now, words):
            asked(now)
            words, begun, since, number = agent.next(now, goal, seed + 1000 * number), now, 0, number + 1
        for action in agent.actions(now, words)[: pace.execute]:
            if not (robot.terminated or robot.truncated):
                robot.send_action(action)
                since += 1
    return bool(robot.info["complete"])
