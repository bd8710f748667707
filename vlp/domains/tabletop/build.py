"""Composition root, the one place that names concrete models: from weights on disk to a planner's parts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from diffusers import FlowMatchEulerDiscreteScheduler
from numpy.typing import NDArray

from executors.tabletop.policy import FramePolicy, SlotPolicy
from planner import (
    FrozenGuard,
    OutOfReachGuard,
    OverlapGuard,
    Search,
    TeleportGuard,
    TrackGuards,
    UntouchedGuard,
    Value,
    VanishGuard,
)
from planner.guards.every_second import EverySecondFrame
from tasks.tabletop.language import UnknownInstruction, parse
from tasks.tabletop.language.subgoals import BOARD
from tasks.tabletop.seeing.encoder import PoseProbe, Remembering, SlotEncoder
from tasks.tabletop.world.board import KINDS
from tasks.tabletop.world.limits import LIMITS
from video.tabletop.denoiser import SlotDenoiser
from video.tabletop.pipeline import SlotVideoPipeline
from video.tabletop.renderer import SlotRenderer
from vlp.agent.parts import Parts, Watch
from vlp.domains.tabletop.any_words import BoardWords
from vlp.domains.tabletop.closer import CloserLook
from vlp.domains.tabletop.confidence import FittedConfidence
from vlp.domains.tabletop.follower import follower
from vlp.domains.tabletop.program_parts import learned, toward
from vlp.domains.tabletop.sight import BoardSight
from vlp.domains.tabletop.verified_value import VerifiedValue
from vlp.domains.tabletop.view import BoardView
from vlp.models.choose import choose
from vlp.models.chosen import Models
from vlp.models.device import choose_device
from vlp.models.diffusers_video import OtherVideo
from vlp.models.weights import BUNDLED, PROGRAMS, verify
from vlp.vlm.tabletop.bundled import BundledVLM
from vlp.vlm.tabletop.programs.model import ProgramNet
from vlp.vlm.tabletop.vision import MOST_BLOCKS

MAX_STEP = 0.35
"""Metres that a block may go between two frames that the guards see (1.2 s)."""
MIN_GAP = 0.026
"""Metres between block centres below which two blocks would be in one place: no two real ones came nearer
than 0.028 in 16,000 boards of rollouts, and the probe is off by 2 mm."""
MIN_PASS = 0.018
"""Metres between block centres on straight ways between two frames; less than MIN_GAP since ways bend."""
REACH = ((0.165, -0.285), (0.565, 0.285))
"""Corners of the region where a block may be left: beyond it the pusher can't get behind the block."""
UNTOUCHED = 0.04
"""Metres that a block may be nudged which the subgoal does not name."""
NO_CONFIDENCE = (
    "expected the bundled models, to which it was fitted, got others; "
    "leave it out, or fit it to them (python -m vlp.evaluate.tabletop.confidence)"
)
MAX_VALUE_GAIN = 200.0
"""Control steps; a single push that promises more is too good to be true."""


@dataclass(frozen=True, kw_only=True)
class TabletopParts(Parts):
    """The agent's parts on the tabletop, with those that only the tabletop has."""

    sight: BoardSight
    policy: FramePolicy
    probe: PoseProbe
    folder: Path
    """The weights folder."""

    def seen_by(self, probe: PoseProbe) -> TabletopParts:
        """The same with other eyes."""
        eyes = _eyes(probe, self.policy, self.sight.most_blocks, self.sight.closer)
        return replace(self, probe=probe, **eyes)


def tabletop(parts: Parts) -> TabletopParts:
    """Parts that were made here."""
    assert isinstance(parts, TabletopParts), f"expected parts of the tabletop, got {type(parts).__name__}"
    return parts


@dataclass(frozen=True)
class Sure:
    """The confidence that was fitted to these models, with what it sees by."""

    fitted: FittedConfidence
    probe: PoseProbe

    def of(self, found: Search) -> float:
        """See vlp.agent.parts.Confidence."""
        return self.fitted.expect(found, self.probe)


def _eyes(
    probe: PoseProbe, policy: FramePolicy, most_blocks: int, closer: CloserLook | None
) -> dict[str, Any]:
    """The parts that look through a probe."""
    return {
        "sight": BoardSight(probe, most_blocks, closer),
        "follower": partial(follower, policy=policy, probe=probe),
        "verify": partial(verified, probe),
    }


def verified(probe: PoseProbe, value: Value, goal: Any, done_below: float, watch: Watch) -> Value:
    """The value held to the goal's rule, on what the probe sees."""
    return VerifiedValue(value, watch.wrap("goal", probe), goal, done_below)


class VideoBranches:
    """The video pipeline as the planner's VideoModel."""

    def __init__(self, pipeline: SlotVideoPipeline, *, steps: int = 2) -> None:
        self.pipeline, self.steps = pipeline, steps

    def imagine(
        self, frames: NDArray[np.uint8], subgoals: Sequence[str], seeds: Sequence[int]
    ) -> NDArray[np.uint8]:
        """Clips uint8 [N, T, H, W, 3], one batch."""
        return np.asarray(self.pipeline(frames, subgoals, seeds, steps=self.steps))


@dataclass(frozen=True)
class ProbeTracks:
    """What `ProbeTracker` found, see planner.Tracks."""

    present: NDArray[np.bool_]
    xy: NDArray[np.float32]
    names: tuple[str, ...]


class ProbeTracker:
    """The pose probe as the guards' Tracker."""

    def __init__(self, probe: PoseProbe) -> None:
        self._probe = probe

    def track(self, frames: NDArray[np.uint8]) -> ProbeTracks:
        """Where the blocks are in frames uint8 [N, H, W, 3]."""
        present, where = self._probe.places(frames)
        return ProbeTracks(present[:, :-1], where[:, :-1], self._probe.names)


def named(subgoal: str) -> set[str]:
    """The blocks that a subgoal speaks of."""
    try:
        return set(parse(subgoal).blocks())
    except UnknownInstruction:
        return set()


def _track_guards(tracker: ProbeTracker, *, patience: int, max_step: float, min_pass: float) -> TrackGuards:
    """What the bundled models' clips are held to; `patience`: frames in a row without a block that mean it is
    gone, `max_step`: metres a frame, `min_pass`: metres between blocks on the way from frame to frame."""
    return TrackGuards(
        [
            VanishGuard(tracker, patience=patience),
            TeleportGuard(tracker, max_step=max_step),
            OverlapGuard(tracker, min_gap=MIN_GAP, min_pass=min_pass),
            OutOfReachGuard(tracker, low=REACH[0], high=REACH[1]),
            UntouchedGuard(tracker, named, tolerance=UNTOUCHED),
        ]
    )


def build(
    *,
    weights: Path | None = None,
    device: str = "auto",
    sampling_steps: int = 2,
    models: Models | None = None,
) -> TabletopParts:
    """Load all parts, those of `models` in the place of bundled ones. Raises WeightsError when a file is
    missing or not what the manifest says, and UsageError for a model that can't be asked."""
    folder = weights or BUNDLED
    hashes = verify(folder)
    place = choose_device(device)
    encoder = SlotEncoder.from_pretrained(folder / "perception").to(place).eval()
    pipeline = SlotVideoPipeline(
        encoder,
        SlotDenoiser.from_pretrained(folder / "denoiser").to(place).eval(),
        SlotRenderer.from_pretrained(folder / "renderer").to(place).eval(),
        FlowMatchEulerDiscreteScheduler(),
    )
    models = models or Models()
    eye = Remembering(encoder)
    probe = PoseProbe(eye)
    bundled = BundledVLM.load(folder / "vlm", device=place)
    programs = ProgramNet.from_pretrained(folder / PROGRAMS).to(place).eval()
    vlm = choose(
        models,
        bundled,
        BOARD.seen_by(lambda frames: [list(found) for found in probe.blocks_of(frames)]),
        device=place,
    )
    tracker = ProbeTracker(probe)
    # From one frame to the next but one a way may bend round what lies between.
    coarse = _track_guards(tracker, patience=2, max_step=MAX_STEP, min_pass=0.0)
    close = _track_guards(tracker, patience=1, max_step=MAX_STEP / 2, min_pass=MIN_PASS)
    policy = FramePolicy(eye, SlotPolicy.from_pretrained(folder / "policy").to(place))
    other = None if models.video is None else OtherVideo.load(models.video, device=place)
    confidence = FittedConfidence.load(hashes) if models == Models() else None
    return TabletopParts(
        proposer=vlm.proposer,
        video=other or VideoBranches(pipeline, steps=sampling_steps),
        value=vlm.value,
        **_eyes(probe, policy, len(KINDS) if vlm.alone else MOST_BLOCKS, CloserLook(eye, pipeline.renderer)),
        limits=LIMITS,
        guards=(FrozenGuard(), EverySecondFrame(coarse)),
        hashes=hashes,
        close_guards=(close,),
        max_value_gain=MAX_VALUE_GAIN,
        folder=folder,
        success=vlm.success,
        confidence=None if confidence is None else Sure(confidence, probe),
        no_confidence=NO_CONFIDENCE,
        any_words=None if vlm.writer is None else BoardWords(vlm.writer),
        accounted=(*vlm.accounted, *([other] if other else [])),
        toward=toward(learned(programs, bundled)),
        view=(view := BoardView(encoder, pipeline.renderer)),
        shape=view.shape,
        policy=policy,
        probe=probe,
    )
