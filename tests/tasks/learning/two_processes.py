"""Trains a small model for some steps; torchrun's environment says with whom."""

from __future__ import annotations

import sys
from pathlib import Path

import torch

from tests.tasks.learning.test_training import batches, trainer

if __name__ == "__main__":
    folder = Path(sys.argv[1])
    own = trainer(folder / "run", minutes=0.02, steps=None)
    own.run(batches(own.seed), report=lambda _: None)
    about = {"step": own.step, "samples": own.samples, "seed": own.seed - own.step}
    torch.save(about | {"model": own.model.state_dict()}, folder / f"{sys.argv[2]}.pt")
