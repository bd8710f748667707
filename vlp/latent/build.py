"""From a folder of learned weights to a planner's parts, in any world."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from executors.follow.follower import Follower
from executors.follow.frames import Over, PictureConfig, PictureFollower, Reaching
from executors.robot import Robot
from executors.safety.gate import Gate, GateConfig
from executors.wrapped import ReseenRobot, UnscoredRobot
from planner import FrozenGuard
from planner.guards.limits import FILE, GuardLimits
from tasks.domain import Limits
from video.latent.exposure import Exposure
from video.latent.pipeline import LatentPipeline
from video.latent.policy.policy import FOLDER as POLICY
from video.latent.policy.told import ToldPolicy
from vlp.agent.parts import Parts, Watch
from vlp.errors import UsageError, WeightsError
from vlp.latent.folder import STEPS, VLM, opened, policy_of, verify_latent
from vlp.latent.sight import LatentSight, as_said
from vlp.models.device import choose_device
from vlp.settings import Extraction
from vlp.vlm.latent.vlm import LatentVLM


def latent_parts(
    folder: Path,
    limits: Limits,
    *,
    device: str = "auto",
    sampling_steps: int = STEPS,
    read: Callable[[str], str] = as_said,
) -> Parts:
    """All that the agent is made of, from pixels, words and actions alone.

    Args:
        limits: of the world's robot; its actions must be as wide as those that were learned.
        read: a goal's words in the form in which they were learned. Raises UnknownInstruction.

    Raises WeightsError for weights that are missing or damaged, UsageError for those of another robot.
    """
    hashes, place = verify_latent(folder), choose_device(device)
    bundle = opened(folder, place)
    width = len(bundle.scale.action_std)
    if width != limits.size:
        raise UsageError(
            f"models: expected weights of actions of {limits.size} numbers, got {width} in {folder}; "
            "choose those of this world's robot"
        )
    vlm = LatentVLM.load(folder / VLM, device=place)
    pipeline = LatentPipeline(bundle, steps=max(sampling_steps, STEPS))
    trained = (folder / POLICY).is_dir()
    policy = policy_of(bundle, folder) if trained else ToldPolicy(pipeline)
    return Parts(
        proposer=vlm,
        video=pipeline,
        value=vlm,
        sight=LatentSight(vlm, width, read),
        follower=partial(
            _follower, policy=policy, limits=limits, stride=bundle.stride, over=_over(pipeline, vlm)
        ),
        limits=limits,
        **_guards(folder, pipeline),
        hashes=hashes,
        shape=(*bundle.size, 3),
        near=PictureConfig.near,
        harness=partial(_harness, exposure=bundle.exposure),
    )


def _harness(robot: Robot, exposure: Exposure | None) -> Robot:
    """A robot that keeps no score, with a camera whose light is one that was learned in."""
    return UnscoredRobot(robot) if exposure is None else ReseenRobot(robot, exposure)


def _over(pipeline: LatentPipeline, vlm: LatentVLM) -> Over:
    """By what was trained for it, which sees how it was before, else by the VLM."""
    if pipeline.bundle.termination is not None:
        return pipeline.is_over
    return lambda begun, now, words: vlm.is_over(now, words)


def _guards(folder: Path, pipeline: LatentPipeline) -> dict[str, Any]:
    """Those that were calibrated to the weights (`python -m vlp.evaluate.latent_guards`), if any were: what
    takes long is asked of the few clips that would be kept. Raises WeightsError for limits that are none."""
    if not (folder / FILE).is_file():
        return {"guards": (FrozenGuard(),)}
    try:
        limits = GuardLimits.load(folder)
    except ValueError as error:
        raise WeightsError(str(error)) from error
    frozen, explained = limits.guards(pipeline)
    return {"guards": (frozen,), "close_guards": (explained,), "max_value_gain": limits.value_leap}


def _follower(
    extraction: Extraction,
    robot: Robot,
    watch: Watch,
    *,
    policy: Reaching,
    limits: Limits,
    stride: int,
    over: Over,
) -> Follower:
    """Every way of acting out clips but the agent's own is the tabletop's."""
    if extraction != "every-frame":
        raise UsageError(f"extraction: expected every-frame with learned models, got {extraction}")
    gate = Gate(GateConfig(limits))
    return PictureFollower(robot, watch.wrap("policy", policy), gate, PictureConfig(stride=stride), over)
