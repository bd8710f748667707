"""From the weights of `vlp train world` to the agent's parts in Meta-World."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from executors.follow.follower import Follower
from executors.metaworld.follower import SawyerFollower
from executors.metaworld.robot import LIMITS
from executors.metaworld.ways import ExplainedWay, MakeWay, ReachedWay
from executors.robot import Robot
from planner import Frames
from tasks.metaworld.env import SIZE
from vlp.agent.parts import Parts, Watch
from vlp.domains.metaworld.sight import SawyerSight
from vlp.errors import UsageError
from vlp.latent.alone import GoalAlone
from vlp.latent.folder import STEPS
from vlp.latent.imagination import Imagination, hashes
from vlp.models.chosen import Models
from vlp.settings import Extraction

Following = Literal["explain", "policy", "blind"]
NEAR: Final = 0.02
"""Share of full brightness, see SawyerFollower, below which a plan's next clip is acted, too."""


@dataclass(frozen=True)
class ConsistentGuard:
    """See planner.Guard: of the clips from one picture for one subgoal keeps the one that agrees best with
    what its own actions are predicted to lead to (inverse consistency)."""

    imagination: Imagination

    def check(self, starts: Frames, clips: Frames, subgoals: Sequence[str]) -> list[str | None]:
        """None for the best of each picture and subgoal."""
        seeds = list(range(len(clips)))
        off = self.imagination.inconsistency(starts, clips, seeds, subgoals)
        keys = [(start.tobytes(), subgoal) for start, subgoal in zip(starts, subgoals, strict=True)]
        # One of each, also where several agree equally well.
        best = {
            key: min((i for i, k in enumerate(keys) if k == key), key=lambda i: off[i]) for key in set(keys)
        }
        return [
            None
            if i == best[key]
            else f"its own actions lead {off[i]:.2%} elsewhere, those of another clip {off[best[key]]:.2%}"
            for i, key in enumerate(keys)
        ]


def build(weights: Path | None, *, device: str, sampling_steps: int, models: Models | None) -> Parts:
    """Load all parts. Raises WeightsError and UsageError."""
    if models not in (None, Models()):
        raise UsageError("vlm, video: expected those of --models in this world, got others; leave them out")
    imagination = Imagination.load(
        weights, device=device, steps=max(sampling_steps, STEPS), width=LIMITS.size
    )
    return Parts(
        proposer=GoalAlone(),  # the task itself is what the video model was told
        video=imagination,
        value=GoalAlone() if imagination.vlm is None else imagination,
        sight=SawyerSight(imagination),
        follower=partial(_follower, imagination),
        limits=LIMITS,
        guards=() if imagination.vlm is not None else (ConsistentGuard(imagination),),
        hashes=hashes(weights),
        shape=(SIZE, SIZE, 3),
        near=NEAR,
    )


def along(imagination: Imagination, words: str, *, by: Following) -> MakeWay:
    """Ways along clips, told the words; "blind" explains a clip once and looks no more."""
    stride = imagination.bundle.stride

    def explain(frame: Frames, clip: Frames) -> NDArray[np.float32]:
        return np.asarray(imagination.explain(frame[None], clip[None], [0], [words])[0])

    if by == "policy":
        return lambda clip: ReachedWay(clip, partial(imagination.reach, words=words), stride=stride)
    return lambda clip: ExplainedWay(clip, explain, closed=by == "explain")


def _follower(imagination: Imagination, extraction: Extraction, robot: Robot, watch: Watch) -> Follower:
    """inverse-dynamics: blindly; every-frame: by the policy where there is one."""
    if extraction == "last-frame":
        raise UsageError("extraction: expected every-frame or inverse-dynamics here, got last-frame")
    by: Following = "explain" if imagination.policy is None else "policy"
    words = str(robot.info.get("goal", ""))
    timed = watch.wrap("policy", imagination)
    return SawyerFollower(robot, along(timed, words, by=by if extraction == "every-frame" else "blind"))
