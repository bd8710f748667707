"""The tabletop seen by learned models: only its words and its robot are its own."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tasks.domain import UnknownInstruction
from tasks.tabletop.goals.goal import understand
from tasks.tabletop.world.board import KINDS
from tasks.tabletop.world.limits import LIMITS
from vlp.agent.parts import Parts
from vlp.errors import UsageError
from vlp.latent.build import latent_parts
from vlp.latent.sight import as_said
from vlp.models.chosen import Models


def learned(folder: Path, *, device: str, sampling_steps: int, models: Models | None) -> Parts:
    """Parts of a folder of learned weights. Raises WeightsError and UsageError."""
    if models not in (None, Models()):
        raise UsageError("models: expected learned models alone, got --vlm or --video too; leave those out")
    return latent_parts(folder, LIMITS, device=device, sampling_steps=sampling_steps, read=read)


def read(words: str) -> str:
    """A goal in the words of the demonstrations, or as it was said. Nobody here sees which blocks there are,
    so all that exist are taken to be there, and none is anywhere. Raises UnknownInstruction."""
    somewhere = {kind: np.zeros(2) for kind in KINDS}
    try:
        return understand(words, somewhere).text
    except UnknownInstruction:
        raise
    except ValueError:  # what does not fit for all blocks at once may for those that are there
        return as_said(words)
