"""Which world is measured: each brings a `SUITE` of its own, and this is where its name is looked up."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from vlp.errors import UsageError

if TYPE_CHECKING:
    from vlp.bench.video.protocol import ClipJudge

WORLD: Final = "tabletop"


def suite(of: str, world: str = WORLD) -> Any:
    """What a world brings to vlp.bench (a `vlp.bench.suite.Suite`) or to vlp.ablate (a
    `vlp.ablate.suite.AblationSuite`).

    of: "bench" or "ablate". Raises ModuleNotFoundError for a world that brings none.
    """
    return import_module(f"vlp.{of}.{world}.suite").SUITE


def protocol(world: str) -> Any:
    """A published protocol under which a world is measured (a `vlp.bench.published.Published`).

    Raises UsageError for a world that brings none.
    """
    try:
        return import_module(f"vlp.bench.{world}.published").PUBLISHED
    except ModuleNotFoundError as error:
        if error.name not in (f"vlp.bench.{world}", f"vlp.bench.{world}.published"):
            raise
        raise UsageError(
            f"world: expected one with a published protocol, such as metaworld, got {world!r:.40}"
        ) from None


def clip_judge(world: str, weights: Path, device: str) -> ClipJudge | None:
    """The judge of clips that a world brings to `vlp bench video`; None for one that brings none."""
    if find_spec(f"vlp.bench.{world}") is None or find_spec(f"vlp.bench.{world}.clip_judge") is None:
        return None
    made: ClipJudge = import_module(f"vlp.bench.{world}.clip_judge").load(weights, device=device)
    return made
