"""Choice of the VLM that proposes, scores and judges."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from tasks.tabletop.language.subgoals import Sees
from tasks.tabletop.world.board import KINDS
from vlp.models.chosen import Hosted, Local, Models, Role
from vlp.models.fallback import FallbackVLM
from vlp.vlm.account import Accounted
from vlp.vlm.hosted.replies import Success
from vlp.vlm.tabletop.vision import MOST_BLOCKS

Frames = NDArray[np.uint8]


class SuccessJudge(Protocol):
    """Says whether a goal is reached."""

    def success(self, frame: Frames, goal: str) -> Success:
        """In a frame uint8 [H, W, 3]. Raises ModelError."""
        ...


@dataclass(frozen=True)
class Chosen:
    """What is asked for what."""

    proposer: Any
    value: Any
    success: SuccessJudge | None = None
    """None: the goal's own rule alone says so."""
    accounted: tuple[Accounted, ...] = ()
    most_blocks: int = len(KINDS)
    """Blocks on the board that all of them can do with."""


def choose(models: Models, bundled: Any, sees: Sees, *, device: str) -> Chosen:
    """The VLM that was asked for, in the roles in which it was. Raises UsageError and WeightsError."""
    if models.vlm is None:
        return Chosen(bundled, bundled, most_blocks=MOST_BLOCKS)
    own = _load(models.vlm, sees, device)
    used = FallbackVLM(own, bundled) if models.fallback else own

    def of(role: Role, other: Any) -> Any:
        return used if role in models.roles else other

    alone = not models.fallback and {"proposer", "value"} <= set(models.roles)
    most = len(KINDS) if alone else MOST_BLOCKS
    return Chosen(of("proposer", bundled), of("value", bundled), of("success", None), (used,), most)


def _load(vlm: Hosted | Local, sees: Sees, device: str) -> Any:
    if isinstance(vlm, Hosted):
        from vlp.vlm.hosted.budget import Budget
        from vlp.vlm.hosted.endpoint import Endpoint
        from vlp.vlm.hosted.hosted import HostedVLM

        return HostedVLM(Endpoint(vlm.endpoint, Budget(vlm.limits)), sees)
    from vlp.vlm.local.local import LocalVLM

    return LocalVLM.load(vlm.source, sees, device=device)
