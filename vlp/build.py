"""The one place that names concrete models: weights on disk to the parts that a planner needs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers import FlowMatchEulerDiscreteScheduler
from numpy.typing import NDArray

from executors.camera_watch import View
from executors.policy import FramePolicy, SlotPolicy
from planner import (
    FrozenGuard,
    Guard,
    OutOfReachGuard,
    OverlapGuard,
    TeleportGuard,
    TrackGuards,
    UntouchedGuard,
    VanishGuard,
    VideoModel,
)
from tasks.board import KINDS
from tasks.grammar import UnknownInstruction, parse
from tasks.perception import PoseProbe, Remembering, SlotEncoder
from video.denoiser import SlotDenoiser
from video.pipeline import SlotVideoPipeline
from video.renderer import SlotRenderer
from vlp.closer import CloserLook
from vlp.confidence import Confidence
from vlp.models import Models
from vlp.other_video import OtherVideo
from vlp.view import BoardView
from vlp.vlm.account import Accounted
from vlp.vlm.bundled import BundledVLM
from vlp.vlm.choose import SuccessJudge, choose
from vlp.weights import verify

BUNDLED = Path(__file__).parent / "bundled"
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
MAX_VALUE_GAIN = 200.0
"""Control steps; a single push that promises more is too good to be true."""


@dataclass(frozen=True)
class Parts:
    """All that the agent is made of."""

    proposer: Any
    video: VideoModel
    value: Any
    policy: FramePolicy
    probe: PoseProbe
    guards: tuple[Guard, ...]
    hashes: dict[str, dict[str, str]]
    close_guards: tuple[Guard, ...] = ()
    """Those asked only of branches that would be kept."""
    max_value_gain: float | None = MAX_VALUE_GAIN
    """Control steps that a clip may promise at most, see `planner.search`."""
    verify_done: bool = True
    """Whether the goal's rule, on what the probe sees, has a say where the value takes a board for done."""
    folder: Path = BUNDLED
    """The weights folder."""
    success: SuccessJudge | None = None
    """Who is asked, beside the goal's rule, whether the goal is reached."""
    confidence: Confidence | None = None
    """How sure one may be of a plan; None where that was not measured with these models."""
    accounted: tuple[Accounted, ...] = ()
    """Models that keep account of what they cost."""
    most_blocks: int = len(KINDS)
    """Blocks on the board that all of them can do with."""
    view: View | None = None
    """Knows the camera and the board that these models see; None where nobody does."""
    closer: CloserLook | None = None
    """Looks closer where a goal only seems reached; None: nobody does."""
    shape: tuple[int, int, int] = (96, 128, 3)
    """[H, W, 3] of the pictures that they see."""


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


class EverySecondFrame:
    """A guard that shows its inner guard every second frame of a clip, to look at half as many."""

    def __init__(self, inner: Guard) -> None:
        self._inner = inner

    def check(
        self, starts: NDArray[np.uint8], clips: NDArray[Any], subgoals: Sequence[str]
    ) -> list[str | None]:
        """The inner guard's reasons."""
        return self._inner.check(starts, clips[:, 1::2], subgoals)


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


def choose_device(device: str) -> str:
    """ "auto" to cuda where there is one."""
    return ("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device


def build(
    *,
    weights: Path | None = None,
    device: str = "auto",
    sampling_steps: int = 2,
    models: Models | None = None,
) -> Parts:
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
    vlm = choose(
        models,
        BundledVLM.load(folder / "vlm", device=place),
        lambda frames: [list(found) for found in probe.blocks_of(frames)],
        device=place,
    )
    tracker = ProbeTracker(probe)
    # From one frame to the next but one a way may bend round what lies between.
    coarse = _track_guards(tracker, patience=2, max_step=MAX_STEP, min_pass=0.0)
    close = _track_guards(tracker, patience=1, max_step=MAX_STEP / 2, min_pass=MIN_PASS)
    policy = FramePolicy(eye, SlotPolicy.from_pretrained(folder / "policy").to(place))
    other = None if models.video is None else OtherVideo.load(models.video, device=place)
    return Parts(
        vlm.proposer,
        other or VideoBranches(pipeline, steps=sampling_steps),
        vlm.value,
        policy,
        probe,
        (FrozenGuard(), EverySecondFrame(coarse)),
        hashes,
        (close,),
        folder=folder,
        success=vlm.success,
        confidence=Confidence.load(hashes) if models == Models() else None,
        accounted=(*vlm.accounted, *([other] if other else [])),
        most_blocks=vlm.most_blocks,
        view=(view := BoardView(encoder, pipeline.renderer)),
        closer=CloserLook(eye, pipeline.renderer),
        shape=view.shape,
    )
