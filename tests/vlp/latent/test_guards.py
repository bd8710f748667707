"""Guards that were calibrated to learned weights are among the agent's parts."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from planner import ExplainedGuards, FrozenGuard
from planner.guards.limits import GuardLimits
from tasks.tabletop.world.limits import LIMITS
from vlp.errors import WeightsError
from vlp.latent.build import latent_parts


def test_limits_beside_the_weights_are_held_to(weights: Path, tmp_path: Path) -> None:
    assert latent_parts(weights, LIMITS, device="cpu").close_guards == ()
    own = shutil.copytree(weights, tmp_path / "weights")
    GuardLimits(level=32, min_changed=0.01, inconsistency=-1, disagreement=1, value_leap=40).save(own)
    parts = latent_parts(own, LIMITS, device="cpu")
    assert parts.guards == (FrozenGuard(min_changed=0.01),) and parts.max_value_gain == 40
    (guard,) = parts.close_guards
    assert isinstance(guard, ExplainedGuards)
    start = np.full((1, *parts.shape), 90, np.uint8)
    clip = np.repeat(start[:, None], 3, 1)
    reason = guard.check(start, clip, ["push the red star up"])[0]  # no clip is as consistent as -1
    assert reason is not None and reason.startswith("its own actions do not lead to it")
    (own / "guards.json").write_text("{}")
    with pytest.raises(WeightsError, match="guards: expected limits in"):
        latent_parts(own, LIMITS, device="cpu")
