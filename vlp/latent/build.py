"""From a folder of learned weights to a planner's parts, in any world."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from executors.follow.follower import Follower
from executors.follow.frames import PictureConfig, PictureFollower
from executors.robot import Robot
from executors.safety.gate import Gate, GateConfig
from executors.wrapped import UnscoredRobot
from planner import FrozenGuard
from tasks.domain import Limits
from video.latent.bundle import LatentBundle, LatentWeightsError
from video.latent.pipeline import LatentPipeline
from video.latent.policy.policy import PicturePolicy
from vlp.agent.parts import Parts, Watch
from vlp.errors import UsageError, WeightsError
from vlp.latent.folder import VLM, verify_latent
from vlp.latent.sight import LatentSight, as_said
from vlp.models.device import choose_device
from vlp.settings import Extraction
from vlp.vlm.latent.vlm import LatentVLM

STEPS = 8
"""Of sampling, unless more are asked for: with fewer, what moves is drawn in two places."""


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
    try:
        bundle = LatentBundle.load(folder, place)
        policy = PicturePolicy.load(bundle, folder)
    except LatentWeightsError as error:
        raise WeightsError(str(error)) from error
    width = len(bundle.scale.action_std)
    if width != limits.size:
        raise UsageError(
            f"models: expected weights of actions of {limits.size} numbers, got {width} in {folder}; "
            "choose those of this world's robot"
        )
    vlm = LatentVLM.load(folder / VLM, device=place)
    return Parts(
        proposer=vlm,
        video=LatentPipeline(bundle, steps=max(sampling_steps, STEPS)),
        value=vlm,
        sight=LatentSight(vlm, width, read),
        follower=partial(_follower, policy=policy, limits=limits, stride=bundle.stride),
        limits=limits,
        guards=(FrozenGuard(),),
        hashes=hashes,
        shape=(*bundle.size, 3),
        near=PictureConfig.near,
        harness=UnscoredRobot,
    )


def _follower(
    extraction: Extraction, robot: Robot, watch: Watch, *, policy: PicturePolicy, limits: Limits, stride: int
) -> Follower:
    """Every way of acting out clips but the agent's own is the tabletop's."""
    if extraction != "every-frame":
        raise UsageError(f"extraction: expected every-frame with learned models, got {extraction}")
    gate = Gate(GateConfig(limits))
    return PictureFollower(robot, watch.wrap("policy", policy), gate, PictureConfig(stride=stride))
