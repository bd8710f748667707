"""What a world with a protocol of somebody else's brings to `vlp bench WORLD`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

from vlp.bench.log import EpisodeLog
from vlp.settings import Device

Renderer = Literal["fast", "default"]
Choice = Literal["consistency", "value"]


@dataclass(frozen=True, kw_only=True)
class PublishedRun:
    """What is asked for; an empty tuple stands for all of them."""

    track: str
    models: Path | None
    bc: Path | None
    methods: tuple[str, ...]
    budgets: tuple[str, ...]
    tasks: tuple[str, ...]
    cameras: tuple[str, ...]
    layouts: int
    first_seed: int
    clips: int
    choose: Choice
    follow: Literal["explain", "policy", "joint"]
    sampling_steps: int
    renderer: Renderer
    device: Device


class Published(Protocol):
    """A world's protocol; `vlp.bench.worlds.protocol` finds it by the world's name."""

    def check(self, asked: PublishedRun) -> PublishedRun:
        """What is asked for with all names filled in. Raises UsageError and WeightsError; cheap."""
        ...

    def run(self, asked: PublishedRun, log: EpisodeLog, *, workers: int) -> dict[str, Any]:
        """Run the episodes that are not in the log yet; the summary of all that are asked for."""
        ...

    def draw(self, result: dict[str, Any], path: Path) -> None:
        """The summary as a picture; needs matplotlib."""
        ...

    def table(self, result: dict[str, Any]) -> str:
        """The summary in Markdown, its track at the top."""
        ...
