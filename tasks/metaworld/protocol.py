"""One episode as AVDC counts it, whoever acts.

Of the published code (flow-diffusion/AVDC_experiments, benchmark_mw.py and utils.py): an episode is over
when the simulator has said success at ten steps, when it said so and then no longer does, or after 500 steps;
it is a success in the first two cases. `held` is the stricter reading, ten steps on end; the shipped expert
of handle-press never holds it so long.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from tasks.metaworld.env import MOST_STEPS, SawyerEnv

HOLD: Final = 10
"""Steps at success after which an episode is over."""


@dataclass(frozen=True)
class EpisodeEnd:
    """How an episode came out."""

    success: bool
    """Success was said within the steps that there are; an exception is none."""
    held: bool
    """And was held for `HOLD` steps."""
    steps: int
    error: str = ""


Seen = Callable[[dict[str, Any], NDArray[np.float32]], object]
"""Told each observation and the action that followed it."""


def play(
    env: SawyerEnv,
    act: Callable[[dict[str, Any]], NDArray[np.float32]],
    *,
    seed: int,
    most_steps: int = MOST_STEPS,
    seen: Seen | None = None,
) -> EpisodeEnd:
    """Play the layout of a seed with what an actor makes of each observation."""
    observation, _ = env.reset(seed=seed)
    run, step = 0, 0
    try:
        while step < most_steps:
            action = act(observation)
            if seen is not None:
                seen(observation, action)
            observation, _, _, _, info = env.step(action)
            step += 1
            run += bool(info["success"])
            if run and (run == HOLD or not info["success"]):
                break
    except Exception as error:  # by the protocol a failure, whoever's it is
        return EpisodeEnd(False, False, step, f"{type(error).__name__}: {error}"[:200])
    return EpisodeEnd(run > 0, run == HOLD, step)
