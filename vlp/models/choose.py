"""Choice of the VLM that proposes, scores and judges."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from tasks.domain import Language
from vlp.models.chosen import Hosted, Local, Models, Role
from vlp.models.fallback import FallbackVLM
from vlp.vlm.account import Accounted
from vlp.vlm.hosted.replies import Success
from vlp.vlm.writer import Writer

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
    alone: bool = False
    """Whether the bundled one has no role."""
    writer: Writer | None = None
    """Who reads instructions in any words, whatever else it is asked for; None: nobody."""


def choose(models: Models, bundled: Any, words: Language, *, device: str) -> Chosen:
    """The VLM that was asked for, in the roles in which it was. Raises UsageError and WeightsError."""
    if models.vlm is None:
        return Chosen(bundled, bundled)
    own = _load(models.vlm, words, device)
    used = FallbackVLM(own, bundled) if models.fallback else own

    def of(role: Role, other: Any) -> Any:
        return used if role in models.roles else other

    alone = not models.fallback and {"proposer", "value"} <= set(models.roles)
    return Chosen(of("proposer", bundled), of("value", bundled), of("success", None), (used,), alone, own)


def _load(vlm: Hosted | Local, words: Language, device: str) -> Any:
    if isinstance(vlm, Hosted):
        from vlp.vlm.hosted.budget import Budget
        from vlp.vlm.hosted.endpoint import Endpoint
        from vlp.vlm.hosted.hosted import HostedVLM

        return HostedVLM(Endpoint(vlm.endpoint, Budget(vlm.limits)), words)
    from vlp.vlm.local.local import LocalVLM

    return LocalVLM.load(vlm.source, words, device=device)
