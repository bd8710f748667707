"""The gate: nothing passes that is not finite, small enough and within the workspace."""

from __future__ import annotations

import numpy as np
import pytest

from executors.gate import Gate, GateError

MIDDLE = (0.35, 0.0)


def test_a_good_action_passes_unchanged() -> None:
    assert np.allclose(Gate().check(np.array([0.05, -0.1], np.float32), MIDDLE), [0.05, -0.1])


@pytest.mark.parametrize(
    "action",
    [[np.nan, 0], [0, np.inf], [0.11, 0], [0, -0.2], [0.0], [0, 0, 0], [[0, 0]]],
)
def test_bad_actions_are_refused(action: list[float]) -> None:
    with pytest.raises(GateError, match="nothing was sent"):
        Gate().check(np.array(action, np.float32), MIDDLE)


def test_a_small_step_over_the_border_is_brought_back() -> None:
    sent = Gate().check(np.array([0.01, 0.0], np.float32), (0.595, 0.0))
    assert sent[0] == pytest.approx(0.005, abs=1e-6)


def test_a_set_point_far_outside_is_refused() -> None:
    with pytest.raises(GateError, match="set point"):
        Gate().check(np.array([0.09, 0.0], np.float32), (0.59, 0.0))


def test_of_many_hostile_actions_none_passes() -> None:
    rng = np.random.default_rng(0)
    gate, low, high = Gate(), np.array([0.15, -0.3048]), np.array([0.60, 0.3048])
    for _ in range(2000):
        target = rng.uniform(low, high)
        action = rng.normal(0, 0.3, 2) * rng.choice([1, 1, np.nan, np.inf, 1e30])
        try:
            sent = gate.check(action, target.tolist())
        except GateError:
            continue
        assert np.isfinite(sent).all() and np.abs(sent).max() <= 0.1 + 1e-6
        assert ((target + sent >= low - 1e-6) & (target + sent <= high + 1e-6)).all()
