"""Parts of the agent, in one dataclass."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from executors.safety.camera_watch import View
from executors.tabletop.policy import FramePolicy
from planner import (
    Guard,
    VideoModel,
)
from tasks.tabletop.seeing.encoder import PoseProbe
from tasks.tabletop.world.board import KINDS
from vlp.domains.tabletop.confidence import Confidence
from vlp.models.choose import SuccessJudge
from vlp.models.weights import BUNDLED
from vlp.vlm.account import Accounted


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
    max_value_gain: float | None = None
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
    shape: tuple[int, int, int] = (96, 128, 3)
    """[H, W, 3] of the pictures that they see."""
