"""The Gymnasium environment: its contract, time limits, refusals, lost blocks, save and restore."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

from tasks import tabletop
from tasks.tabletop.goals import BY_INSTRUCTION
from tasks.tabletop.language import UnknownInstruction
from tasks.tabletop.language.forms import FORMS
from tasks.tabletop.language.names import SLOT
from tasks.tabletop.world.board import BLOCK_4, BLOCK_8, HOLD_STEPS, KINDS, MAX_DELTA, words_of
from tasks.tabletop.world.env import ActionError, ClosedEnvError, EnvSnapshot, TabletopEnv
from tasks.tabletop.world.layout import Layout
from tasks.tabletop.world.world import ClosedError

STILL = np.zeros(2, np.float32)
CLEAR = "clear the center"
FAR_FROM_CENTER: Layout = (
    {name: (0.18 if i < 4 else 0.54, -0.24 + 0.16 * (i % 4), 0.0) for i, name in enumerate(BLOCK_8)},
    (0.36, 0.0),
)
"""A board on which nothing is in the center."""


@pytest.fixture
def env() -> Iterator[TabletopEnv]:
    made = TabletopEnv()
    yield made
    made.close()


def same(first: Any, second: Any) -> bool:
    """Whether two observations or infos are equal, bit for bit."""
    if isinstance(first, dict):
        return first.keys() == second.keys() and all(same(first[key], second[key]) for key in first)
    return bool(np.array_equal(first, second))


def state(env: TabletopEnv) -> object:
    """All that a step would change."""
    world = env._world
    return world.poses(), world.effector().tolist(), world.target, env._steps, env._held, env._best


@pytest.mark.parametrize("task", [None, "group the blocks by color", "point to the red moon"])
def test_gymnasium_contract(task: str | None) -> None:
    made = gymnasium.make("vlp/Tabletop-v0", task=task, max_steps=50)
    try:
        check_env(made.unwrapped)
        observation, _ = made.reset(seed=1)
        assert made.observation_space.contains(observation)
        # Through Gymnasium's own checking wrappers too.
        observation, reward, _, _, info = made.step(STILL)
        assert made.observation_space.contains(observation) and reward == info["score"]
    finally:
        made.close()


def test_importing_tasks_is_light() -> None:
    heavy = ("torch", "diffusers", "transformers", "pybullet")
    code = f"import sys, tasks; assert not set({heavy}) & set(sys.modules), sorted(sys.modules)"
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)


def test_public_names_exist() -> None:
    assert all(getattr(tabletop, name) is not None for name in tabletop.__all__)
    assert tabletop.__all__ == sorted(
        tabletop.__all__, key=lambda name: (not name.isupper(), not name[0].isupper(), name)
    )
    with pytest.raises(AttributeError, match="expected one of"):
        tabletop.__getattr__("nothing")


def test_every_instruction_fits_the_space(env: TabletopEnv) -> None:
    longest = max(map(words_of, KINDS), key=len)
    space = env.observation_space["instruction"]  # type: ignore[index]
    texts = [form.text.replace(SLOT, longest) for form in FORMS] + list(BY_INSTRUCTION)
    assert not [text for text in texts if not space.contains(text)]


def test_the_instruction_is_observed_in_plain_words() -> None:
    made = TabletopEnv("  Push the RED moon\tto the blue cube. ")
    observation, _ = made.reset(seed=0)
    assert observation["instruction"] == "push the red moon to the blue cube."
    assert made.observation_space.contains(observation)
    made.close()


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"blocks": ("pink_moon",)}, "got pink_moon"),
        ({"blocks": ()}, "got none"),
        ({"blocks": ("red_moon", "red_moon")}, "each once"),
        ({"view": "moon"}, "board"),
        ({"image_size": (0, 128)}, "at least 1"),
        ({"max_steps": 0}, "at least 1"),
    ],
)
def test_options_are_checked(options: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        TabletopEnv(**options)


def test_an_unknown_task_or_layout_is_refused(env: TabletopEnv) -> None:
    env.task = "juggle"
    with pytest.raises(UnknownInstruction, match="juggle"):
        env.reset(seed=0)
    env.task = None
    with pytest.raises(ValueError, match="pink_moon"):
        env.reset(options={"layout": ({"pink_moon": (0.3, 0.0, 0.0)}, (0.4, 0.0))})


@pytest.mark.parametrize(
    "action",
    [
        [np.nan, 0.0],
        [0.0, np.inf],
        [MAX_DELTA + 1e-3, 0.0],
        [0.0, -0.2],
        [0.0],
        [0.0, 0.0, 0.0],
        [[0.0, 0.0]],
        "left",
        None,
    ],
)
def test_a_refused_action_moves_nothing(env: TabletopEnv, action: Any) -> None:
    env.reset(seed=0)
    before = state(env)
    with pytest.raises(ActionError, match=r"expected two finite numbers within \+-0.1 m, got") as error:
        env.step(np.array(action, np.float64) if isinstance(action, list) else action)
    assert "\n" not in str(error.value)
    assert state(env) == before


def test_the_largest_action_is_taken_and_the_set_point_clipped(env: TabletopEnv) -> None:
    env.reset(seed=0)
    for _ in range(8):
        observation = env.step(np.full(2, MAX_DELTA, np.float32))[0]
    np.testing.assert_allclose(observation["effector_target_translation"], (0.60, 0.3048), atol=1e-6)
    assert env.observation_space.contains(observation)


def test_the_time_limit_truncates(env: TabletopEnv) -> None:
    env.max_steps = 5
    env.reset(seed=0)
    ends = [env.step(STILL)[2:4] for _ in range(5)]
    assert ends == [(False, False)] * 4 + [(False, True)]
    env.reset(seed=0)
    assert env.step(STILL)[3] is False


def test_a_long_task_terminates_only_after_the_hold() -> None:
    made = TabletopEnv(CLEAR)
    _, info = made.reset(seed=0, options={"layout": FAR_FROM_CENTER})
    assert info["score"] == info["best"] == 1.0 and not info["complete"]
    ends = [made.step(STILL)[1:4] for _ in range(HOLD_STEPS)]
    assert ends == [(1.0, False, False)] * (HOLD_STEPS - 1) + [(1.0, True, False)]
    made.close()


def test_the_hold_begins_anew_after_a_break() -> None:
    made = TabletopEnv(CLEAR)
    made.reset(seed=0, options={"layout": FAR_FROM_CENTER})
    for _ in range(HOLD_STEPS - 1):
        made.step(STILL)
    # A block put back for one step; then it is away again.
    poses = made._world.poses()
    made._world.place({**poses, "red_moon": (0.35, 0.1, 0.0)}, made._world.target)
    _, reward, terminated, _, info = made.step(STILL)
    assert reward == 7 / 8 and not terminated and info["best"] == 1.0
    made._world.place(poses, made._world.target)
    assert [made.step(STILL)[2] for _ in range(HOLD_STEPS)] == [False] * (HOLD_STEPS - 1) + [True]
    made.close()


def test_a_single_push_terminates_at_once() -> None:
    made = TabletopEnv("point to the red moon")
    layout: Layout = ({"red_moon": (0.35, 0.0, 0.0)}, (0.35, 0.09))
    made.reset(seed=0, options={"layout": layout})
    assert made.step(STILL)[1:3] == (0.0, False)
    assert made.step(np.array([0.0, -0.045], np.float32))[1:3] == (1.0, True)
    made.close()


def test_a_lost_block_counts_as_lost_and_the_episode_goes_on() -> None:
    made = TabletopEnv("move all blocks to the left side", blocks=BLOCK_4)
    blocks = {name: (0.2 + 0.08 * i, -0.15, 0.0) for i, name in enumerate(BLOCK_4)}
    blocks["red_moon"] = (0.35, 0.44, 0.0)  # over the edge of the board
    _, info = made.reset(seed=0, options={"layout": (blocks, (0.35, 0.0))})
    for _ in range(5):
        observation, reward, terminated, truncated, info = made.step(STILL)
    assert info["lost"] == ["red_moon"] and set(info["blocks"]) == set(BLOCK_4) - {"red_moon"}
    assert reward == 3 / 4 and not terminated and not truncated
    assert made.observation_space.contains(observation)
    made.close()
    made = TabletopEnv("point to the red moon", blocks=BLOCK_4)
    made.reset(seed=0, options={"layout": ({**blocks, "red_moon": (0.35, 0.33, 0.0)}, (0.35, 0.26))})
    for _ in range(8):
        _, reward, _, _, info = made.step(np.array([0.0, 0.02], np.float32))
    assert info["lost"] == ["red_moon"] and reward == 0.0
    made.close()


def drive_step(env: TabletopEnv, step: int, toward: str) -> Any:
    """One step into a block, with a wobble that depends on its number."""
    gap = np.array(env._world.poses()[toward][:2]) - np.array(env._world.target)
    wobble = 0.01 * np.array([np.sin(step), np.cos(step)])
    action = 0.012 * gap / max(float(np.linalg.norm(gap)), 1e-9) + wobble
    return env.step(action.astype(np.float32))


def drive(env: TabletopEnv, steps: int, *, toward: str) -> list[Any]:
    """Push into a block and about; everything that each step returned."""
    return [drive_step(env, step, toward) for step in range(steps)]


def touching(env: TabletopEnv, name: str) -> EnvSnapshot:
    """Drive until the pusher has moved the block, then save in contact."""
    start = np.array(env._world.poses()[name][:2])
    for _ in range(80):
        drive(env, 1, toward=name)
        if np.linalg.norm(np.array(env._world.poses()[name][:2]) - start) > 0.01:
            return env.save()
    raise AssertionError("expected a push")


def test_save_and_restore_are_bit_exact_in_contact(env: TabletopEnv) -> None:
    env.reset(seed=3)
    saved = touching(env, "blue_cube")
    on = drive(env, 60, toward="blue_cube")
    assert any(
        not same(on[0][4]["blocks"][name], on[-1][4]["blocks"][name])
        for name in BLOCK_8
        if name != "blue_cube"
    )
    env.restore(saved)
    back = drive(env, 60, toward="blue_cube")
    other = TabletopEnv()
    other.reset(seed=99)
    other.restore(saved)
    elsewhere = drive(other, 60, toward="blue_cube")
    for first, second, third in zip(on, back, elsewhere, strict=True):
        assert same(first[0], second[0]) and same(first[4], second[4])
        assert same(first[0], third[0]) and same(first[4], third[4])
    assert env.save() == other.save()
    assert same(env.reset()[0], other.reset()[0])  # the random state is part of it
    other.close()


def test_a_seed_gives_the_same_board_whatever_was_before(env: TabletopEnv) -> None:
    first, _ = env.reset(seed=5)
    before = drive(env, 20, toward="red_moon")
    again, _ = env.reset(seed=5)
    assert same(first, again)
    for one, two in zip(before, drive(env, 20, toward="red_moon"), strict=True):
        assert same(one[0], two[0]) and same(one[4], two[4])


def test_two_environments_do_not_disturb_each_other() -> None:
    def alone(seed: int) -> list[Any]:
        made = TabletopEnv()
        made.reset(seed=seed)
        seen = drive(made, 30, toward="red_moon")
        made.close()
        return seen

    expected = alone(1), alone(2)
    pair = TabletopEnv(), TabletopEnv(view="board")
    for seed, made in enumerate(pair, 1):
        made.reset(seed=seed)
    together: tuple[list[Any], list[Any]] = [], []
    saved = pair[0].save()
    pair[0].restore(saved)
    pair[0].reset(seed=1)
    for step in range(30):
        for made, seen in zip(pair, together, strict=True):
            seen.append(drive_step(made, step, "red_moon"))
    for seen, wanted in zip(together, expected, strict=True):
        for one, two in zip(seen, wanted, strict=True):
            assert same(one[0], two[0]) and same(one[4], two[4])
    for made in pair:
        made.close()


@pytest.mark.parametrize(
    ("view", "size"), [("board", (96, 128)), ("reference", (180, 320)), ("board", (48, 64))]
)
def test_pictures_have_the_size_asked_for(view: str, size: tuple[int, int]) -> None:
    made = TabletopEnv(view=view, image_size=size)
    observation, _ = made.reset(seed=0)
    picture = made.render()
    assert picture is not None and picture.shape == (*size, 3) and picture.dtype == np.uint8
    np.testing.assert_array_equal(picture, observation["rgb"])
    made.render_mode = None
    assert made.render() is None
    made.close()


def test_a_closed_environment_says_so() -> None:
    made = TabletopEnv(image_size=(12, 16))
    made.reset(seed=0)
    saved = made.save()
    made.close()
    made.close()
    asked: dict[str, Callable[[], object]] = {
        "reset": made.reset,
        "step": partial(made.step, STILL),
        "render": made.render,
        "picture": partial(made.picture, 12, 16),
        "save": made.save,
        "restore": partial(made.restore, saved),
    }
    for name, call in asked.items():
        with pytest.raises(ClosedEnvError, match="got one that was closed; make a new one") as caught:
            call()
        assert "\n" not in str(caught.value) and isinstance(caught.value, ClosedError), name
        assert isinstance(caught.value, gymnasium.error.ClosedEnvironmentError), name


def test_the_words_are_in_info_where_shared_memory_leaves_them_blank() -> None:
    wanted = ("Clear the  center", "point to the red moon")
    envs = gymnasium.vector.AsyncVectorEnv(
        [partial(TabletopEnv, task, image_size=(12, 16), max_steps=2) for task in wanted], shared_memory=True
    )
    try:
        seen = [envs.reset(seed=1)[1]]
        for _ in range(4):  # beyond the end of an episode, which begins a new one
            seen.append(envs.step(np.zeros((2, 2), np.float32))[4])
    finally:
        envs.close()
    for info in seen:
        assert list(info["instruction"]) == ["clear the center", "point to the red moon"]
