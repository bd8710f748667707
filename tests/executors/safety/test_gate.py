"""The gate: nothing passes that is not finite, small enough and within the workspace."""

from __future__ import annotations

import numpy as np
import pytest

from executors.safety.gate import Gate, GateConfig, GateError
from tasks.tabletop.world.limits import LIMITS

GATE = Gate(GateConfig(LIMITS))

MIDDLE = (0.35, 0.0)


def test_a_good_action_passes_unchanged() -> None:
    assert np.allclose(GATE.check(np.array([0.05, -0.1], np.float32), MIDDLE), [0.05, -0.1])


@pytest.mark.parametrize(
    "action",
    [[np.nan, 0], [0, np.inf], [0.11, 0], [0, -0.2], [0.0], [0, 0, 0], [[0, 0]]],
)
def test_bad_actions_are_refused(action: list[float]) -> None:
    with pytest.raises(GateError, match="nothing was sent"):
        GATE.check(np.array(action, np.float32), MIDDLE)


def test_a_small_step_over_the_border_is_brought_back() -> None:
    sent = GATE.check(np.array([0.01, 0.0], np.float32), (0.595, 0.0))
    assert sent[0] == pytest.approx(0.005, abs=1e-6)


def test_a_set_point_far_outside_is_refused() -> None:
    with pytest.raises(GateError, match="set point"):
        GATE.check(np.array([0.09, 0.0], np.float32), (0.59, 0.0))


def test_of_many_hostile_actions_none_passes() -> None:
    rng = np.random.default_rng(0)
    gate, low, high = GATE, np.array([0.15, -0.3048]), np.array([0.60, 0.3048])
    for _ in range(2000):
        target = rng.uniform(low, high)
        action = rng.normal(0, 0.3, 2) * rng.choice([1, 1, np.nan, np.inf, 1e30])
        try:
            sent = gate.check(action, target.tolist())
        except GateError:
            continue
        assert np.isfinite(sent).all() and np.abs(sent).max() <= 0.1 + 1e-6
        assert ((target + sent >= low - 1e-6) & (target + sent <= high + 1e-6)).all()


def test_a_speed_limit_refuses_what_is_faster_along_the_way() -> None:
    limited = Gate(GateConfig(LIMITS, max_speed=0.5))
    assert np.allclose(limited.check(np.array([0.03, 0.04], np.float32), MIDDLE), [0.03, 0.04])
    with pytest.raises(GateError, match="m a second, got 0"):
        limited.check(np.array([0.04, 0.045], np.float32), MIDDLE)
    assert np.allclose(GATE.check(np.array([0.04, 0.045], np.float32), MIDDLE), [0.04, 0.045])


@pytest.mark.parametrize("action", [[0.08, -0.06], [3.0, 1.0], [-1e308, 1e308], [0.0, 0.2]])
def test_slow_keeps_the_direction_and_passes(action: list[float]) -> None:
    gate = Gate(GateConfig(LIMITS, max_speed=0.5))
    slowed = gate.slow(np.array(action))
    assert np.hypot(*slowed) == pytest.approx(0.05, abs=1e-6)
    assert np.allclose(slowed / np.abs(slowed).max(), np.array(action) / np.abs(action).max(), atol=1e-6)
    assert np.array_equal(gate.check(slowed, (0.35, 0.0)), gate.slow(slowed))


def test_slow_leaves_alone_what_is_slow_or_no_step() -> None:
    for action in (np.array([0.1, -0.1], np.float32), np.array([5e-324, 0.0])):
        assert np.array_equal(GATE.slow(action), action.astype(np.float32))
    for action in (np.array([np.nan, 9.0]), np.array([9.0]), np.array([[9.0, 9.0]])):
        assert GATE.slow(action) is action


WALL = ((0.3, -0.02), (0.4, 0.02))


@pytest.mark.parametrize(
    ("start", "action", "passes"),
    [
        ((0.35, -0.05), (0.0, 0.04), False),  # into it
        ((0.35, -0.05), (0.0, 0.08), False),  # across
        ((0.28, -0.01), (0.04, -0.015), False),  # across a corner
        ((0.28, 0.0), (0.02001, 0.0), False),  # hardly into it
        ((0.35, -0.05), (0.0, 0.02), True),
        ((0.35, -0.05), (0.08, 0.02), True),  # along it
        ((0.28, -0.04), (0.015, 0.05), True),  # past a corner
        ((0.35, -0.015), (0.0, -0.03), True),  # out of it
        ((0.35, -0.015), (0.02, 0.0), True),  # no deeper
        ((0.35, -0.015), (0.0, 0.005), False),  # deeper
        ((0.35, -0.015), (0.0, 0.06), False),  # out on the other side, by way of the middle
        ((0.35, 0.0), (0.0, 0.0), True),
        ((0.35, 0.0), (0.0, 0.01), True),  # out of the middle
    ],
)
def test_rectangles_are_kept_out_of(
    start: tuple[float, float], action: tuple[float, float], passes: bool
) -> None:
    gate, step = Gate(GateConfig(LIMITS, keep_out=(WALL,))), np.array(action, np.float32)
    assert np.allclose(GATE.check(step, start), action)
    if passes:
        assert np.allclose(gate.check(step, start), action)
    else:
        with pytest.raises(GateError, match="way clear of"):
            gate.check(step, start)


def test_limits_that_would_limit_nothing_are_refused() -> None:
    for speed in (0.0, -1.0, np.nan, np.inf):
        with pytest.raises(ValueError, match="speed above 0"):
            GateConfig(LIMITS, max_speed=speed)
    for rectangle in (((0.4, 0.0), (0.3, 0.1)), ((0.3, np.nan), (0.4, 0.1))):
        with pytest.raises(ValueError, match="low and a high corner"):
            GateConfig(LIMITS, keep_out=(rectangle,))


def test_a_set_point_that_is_not_known_is_refused() -> None:
    for target in ((np.nan, 0.0), (0.35,), (0.35, 0.0, 0.1)):
        with pytest.raises(GateError, match="finite set point"):
            GATE.check(np.zeros(2, np.float32), target)


def test_being_brought_back_in_is_no_longer_than_a_step() -> None:
    assert GATE.check(np.array([-0.1, 0.0], np.float32), (0.715, 0.0)) == pytest.approx([-0.1, 0.0])


def test_by_default_the_gate_does_what_it_did_bit_for_bit() -> None:
    rng = np.random.default_rng(1)
    low, high = np.array([0.15, -0.3048]), np.array([0.60, 0.3048])
    for _ in range(2000):
        target = rng.uniform(low, high).astype(rng.choice(["f4", "f8"]))
        action = rng.uniform(-0.1, 0.1, 2).astype(np.float32)
        goal = np.asarray(target, np.float64) + np.asarray(action, np.float64)
        inside = np.clip(goal, low, high)
        if np.abs(goal - inside).max() <= 0.02:
            expected = np.asarray(inside - np.asarray(target), np.float32)
            assert GATE.check(action, target).tobytes() == expected.tobytes()
