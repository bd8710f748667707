"""`vlp train world` at a size that is trained in a moment, with clips as long as the smallest preset's."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Final

import pytest

from video.latent.config import PRESETS

TINY: Final = replace(
    PRESETS["nano"], encoder_widths=(8, 8, 16), decoder_widths=(8, 8, 16), width=64, layers=1, text_layers=1,
    batch=4,
)  # fmt: skip
MOMENT: Final = "0.001"
"""Minutes in which some steps are taken, one at least."""


@contextmanager
def tiny_models() -> Iterator[None]:
    """While it lasts, the commands train this size where they are asked for the smallest preset, and draw
    no curves, which takes longer than such a training."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("vlp.train.world.PRESETS", {"nano": TINY})
        patch.setattr("vlp.train.watching.draw", lambda *_: False)
        yield
