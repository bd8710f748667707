"""Acting on an arm by words: the learned model says the next goals from what the camera shows, over and over.

Every goal passes the whole safety layer; a step that the model wants longer than the limits is shortened.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from executors.safety.gate import Gate, GateConfig
from executors.safety.safe_robot import SafeRobot
from executors.safety.watchdog import CommandTimeout
from tasks.domain import Limits
from vlp.errors import WeightsError
from vlp.models.learned import Learned

SILENCE = 0.5
"""Seconds without a goal after which the arm is told to stay."""
POSITION = ".pos"
"""Ending of the names of goals that are positions, as LeRobot's are."""
DOUBT = 2
"""Times in a row that the VLM must take the task for done."""


@dataclass(frozen=True, kw_only=True)
class ActingConfig:
    """How it is acted."""

    words: str
    seconds: float
    chunk: int
    """Goals sent before the camera is looked at for new ones."""
    seed: int = 0


def check_models(models: Learned, joints: tuple[str, ...], size: tuple[int, int]) -> None:
    """Raises WeightsError for weights of another arm, camera, or kind of actions."""
    known = models.source
    if known is not None and known.action_names != joints:
        raise WeightsError(
            f"models: expected weights that know {', '.join(joints)}, got some that know "
            f"{', '.join(known.action_names) or 'no actions'}; train on this arm's data"
        )
    width = models.bundle.scale.action_mean.numel()
    if width != len(joints) or models.bundle.size != size:
        raise WeightsError(
            f"models: expected weights of {len(joints)} joints and pictures of {size}, got {width} and "
            f"{models.bundle.size}; train on this arm's data"
        )
    if not all(name.endswith(POSITION) for name in joints):
        raise WeightsError(
            f"models: expected goals that are positions (names that end in {POSITION}), "
            f"got {', '.join(joints)}; an arm is driven by positions only"
        )


def act(
    robot: SafeRobot,
    models: Learned,
    limits: Limits,
    config: ActingConfig,
    *,
    tell: Callable[[str], None] = lambda words: None,
) -> dict[str, Any]:
    """Until the VLM beside the weights takes the task for done, or the time is up; what came of it.

    Raises HoldError and GateError; the arm stays at its last goal then.
    """
    gate, begun = Gate(GateConfig(limits)), time.monotonic()
    sent, chunks, sure, held = 0, 0, 0, 0.0
    with CommandTimeout(robot, SILENCE):
        while time.monotonic() - begun < config.seconds:
            frame = robot.get_observation()["rgb"]
            sure = sure + 1 if _done(models, frame, config.words) else 0
            if sure >= DOUBT:
                break
            seed = (config.seed + chunks) % 2**32
            goals = models.pipeline.act(frame[None], [config.words], [seed])[0][: config.chunk]
            chunks += 1
            for goal in goals:
                held = max(held, _step(robot, gate, goal))
                sent += 1
                if time.monotonic() - begun >= config.seconds:
                    break
            tell(f"{sent} goals sent, {time.monotonic() - begun:.0f} s")
    return {
        "reason": "done, as the VLM sees it" if sure >= DOUBT else "the time is up",
        "goals": sent,
        "decisions": chunks,
        "seconds": round(time.monotonic() - begun, 1),
        "longest_wish": round(held, 2),
    }


def _step(robot: SafeRobot, gate: Gate, goal: NDArray[np.float32]) -> float:
    """Go towards a goal [A] as far as may be; how many times the longest step was wished for."""
    before = robot.get_observation()["effector_target_translation"]
    wish = goal.astype(np.float64) - before
    robot.send_action(gate.keep_in(gate.slow(np.asarray(wish, np.float32)), before))
    return float((np.abs(wish) / gate.config.limits.most).max())


def _done(models: Learned, frame: NDArray[np.uint8], words: str) -> bool:
    return models.vlm is not None and models.vlm.success(frame, words).reached
