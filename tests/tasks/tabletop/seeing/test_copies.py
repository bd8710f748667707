"""A copy of a world, an environment or a robot is another one: neither moves the other, both go on alike."""

from __future__ import annotations

import copy
import gc
import pickle
from collections.abc import Callable
from typing import Any

import gymnasium
import numpy as np
import pybullet
import pytest

import tasks
from executors.tabletop.simulated import SimulatedRobot
from tasks.tabletop.world.env import TabletopEnv
from tasks.tabletop.world.world import World
from vlp.domains.tabletop.simulator_video import SimulatorVideo

assert tasks
WAYS: list[Callable[[Any], Any]] = [copy.copy, copy.deepcopy, lambda one: pickle.loads(pickle.dumps(one))]
ways = pytest.mark.parametrize("way", WAYS, ids=["copy", "deepcopy", "pickle"])
ACTION = np.array([0.05, 0.03], np.float32)


def clients() -> int:
    """Physics clients in use in this process."""
    gc.collect()
    return sum(pybullet.isConnected(number) for number in range(1024))


def into_contact(env: Any) -> None:
    """Push until blocks have moved and the pusher touches one."""
    for _ in range(12):
        gap = np.array(env.unwrapped._world.poses()["blue_cube"][:2]) - np.array(env.unwrapped._world.target)
        env.step((0.03 * gap / np.linalg.norm(gap)).astype(np.float32))


def same(first: Any, second: Any) -> bool:
    if isinstance(first, dict):
        return first.keys() == second.keys() and all(same(first[key], second[key]) for key in first)
    if isinstance(first, tuple | list):
        return len(first) == len(second) and all(map(same, first, second))
    return bool(np.array_equal(first, second))


@ways
def test_a_copied_environment_goes_on_alike_and_alone(way: Callable[[Any], Any]) -> None:
    env = TabletopEnv("clear the center", max_steps=60)
    env.reset(seed=3)
    into_contact(env)
    other = way(env)
    assert other._world._client != env._world._client and env.save() == other.save()
    before = env._world.poses()
    ahead = [other.step(ACTION) for _ in range(20)]
    assert env._world.poses() == before, "the copy's steps moved the original"
    assert same([env.step(ACTION) for _ in range(20)], ahead)
    assert same(env.reset()[0], other.reset()[0]), "the random state is part of it"
    other.close()
    assert env.step(ACTION)[0]["rgb"].any(), "closing the copy closed the original"
    env.close()


@ways
def test_a_copied_robot_has_its_own_board(way: Callable[[Any], Any]) -> None:
    robot = SimulatedRobot("clear the center", seed=3)
    unconnected = way(robot)
    robot.connect()
    robot.send_action(ACTION)
    other = way(robot)
    assert same(other.get_observation(), robot.get_observation()) and not unconnected.is_connected
    here = robot.env._world.poses(), robot.env._world.effector().tolist()
    other.send_action(ACTION)
    assert (robot.env._world.poses(), robot.env._world.effector().tolist()) == here
    for one in (unconnected, other, robot):
        one.disconnect()


@ways
def test_what_holds_a_world_is_copied_with_it(way: Callable[[Any], Any]) -> None:
    made = gymnasium.make("vlp/Tabletop-v0", task="clear the center")
    made.reset(seed=1)
    if way is not copy.copy:  # a wrapper's shallow copy is a second wrapper of one environment, as anywhere
        other = way(made)
        before = made.unwrapped._world.poses()  # type: ignore[attr-defined]
        other.step(ACTION)
        assert made.unwrapped._world.poses() == before  # type: ignore[attr-defined]
        other.close()
    made.close()
    world = World()
    world.place({"red_moon": (0.3, 0.1, 0.5)}, (0.4, 0.0))
    twin = way(world)
    assert twin.save() == world.save() and np.array_equal(twin.render(), world.render())
    twin.place({}, (0.2, 0.0))
    assert world.names == ("red_moon",)
    world.close()
    closed = way(world)
    assert closed._client == -1 and twin.effector() is not None
    closed.close()
    twin.close()


def test_copies_that_nobody_closes_give_their_clients_back() -> None:
    before = clients()
    video = SimulatorVideo()
    for _ in range(40):
        video = copy.deepcopy(video)
    assert clients() == before + 1
    video._world.close()
    video._world.close()
    assert clients() == before
