"""The tabletop seen by learned models: only its words and its robot are its own."""

from __future__ import annotations

from pathlib import Path

from tasks.tabletop.goals.goal import long_task
from tasks.tabletop.language import canonical, parse
from tasks.tabletop.world.limits import LIMITS
from vlp.agent.parts import Parts
from vlp.errors import UsageError
from vlp.latent.build import latent_parts
from vlp.models.chosen import Models


def learned(folder: Path, *, device: str, sampling_steps: int, models: Models | None) -> Parts:
    """Parts of a folder of learned weights. Raises WeightsError and UsageError."""
    if models not in (None, Models()):
        raise UsageError("models: expected learned models alone, got --vlm or --video too; leave those out")
    return latent_parts(folder, LIMITS, device=device, sampling_steps=sampling_steps, read=read)


def read(words: str) -> str:
    """A goal in the words of the demonstrations. Raises UnknownInstruction."""
    task = long_task(words)
    return task.instruction if task is not None else canonical(parse(words))
