"""A goal, and a search for it that takes a second."""

from __future__ import annotations

from typing import Final

from vlp import Settings

GOAL: Final = "group the blocks by color"
SMALL: Final = Settings(
    seed=1_000_002,
    beams=1,
    language_branches=2,
    video_branches=2,
    horizon=2,
    max_control_steps=24,
    device="cpu",
)
