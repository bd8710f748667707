"""`vlp train`: train one of the bundled models on this machine."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from tyro.conf import Positional, arg

from vlp.errors import UsageError
from vlp.settings import Device

MOST_MINUTES = 100_000.0


@dataclass(frozen=True)
class Train:
    """Train one model for so many minutes; called again, it goes on from its checkpoint."""

    uses_torch: ClassVar[bool] = True

    part: Positional[
        Annotated[
            Literal[
                "perception", "judge", "renderer", "video", "policy", "vlm", "whole-video", "language-policy"
            ],
            arg(metavar="{perception,judge,renderer,video,policy,vlm,whole-video,language-policy}"),
        ]
    ]
    """Which model."""
    minutes: float
    """How long; 0 exports what is trained already."""
    start: Annotated[Path | None, arg(metavar="PATH", help_behavior_hint="")] = None
    """Where there is no checkpoint, go on from this weights folder (such as vlp/bundled)."""
    learning_rate: Annotated[float | None, arg(metavar="FLOAT", help_behavior_hint="")] = None
    """Where the cosine starts, else the part's own; a run that goes on wants a lower one."""
    device: Device = "auto"
    """Where to train; auto takes a GPU when there is one."""
    cache: Path = Path(".cache")
    """Folder of data and checkpoints."""
    export: Annotated[Path | None, arg(metavar="PATH", help_behavior_hint="")] = None
    """Write the trained weights, their card and the manifest to this weights folder."""

    def run(self) -> int:
        least = self.minutes > 0 or (self.minutes == 0 and self.export is not None)
        if not (math.isfinite(self.minutes) and least and self.minutes <= MOST_MINUTES):
            raise UsageError(
                f"minutes: expected more than 0 and at most {MOST_MINUTES:g}, got {self.minutes:g}; "
                "choose such a time"
            )
        from vlp.training import train

        train(
            self.part,
            minutes=self.minutes,
            device=self.device,
            cache=self.cache,
            export=self.export,
            start=self.start,
            learning_rate=self.learning_rate,
        )
        return 0
