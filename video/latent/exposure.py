"""Exposure: pictures in a light that no picture learned from was in, brought to the nearest that one was in.

As a camera's own exposure and white balance do, by a gain for each colour, from the picture's mean colour
(the assumption of a grey world: Buchsbaum, "A spatial processor model for object colour perception", 1980).
A picture within the range of those learned from stays as it is, bit by bit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

Frames = NDArray[np.uint8]
KNOWN: Final = (0.005, 0.995)
"""Quantiles of the mean colours between which a picture is in a light that is known."""
MOST: Final = 1.6
"""Gain, up or down, that is made good at most: beyond it a picture is too dark to see by, or washed out."""


@dataclass(frozen=True)
class Exposure:
    """The range of mean colours of pictures learned from."""

    low: tuple[float, ...]
    """Of red, green and blue, 0..255."""
    high: tuple[float, ...]

    @classmethod
    def measured(cls, means: NDArray[np.float64]) -> Self:
        """From mean colours [N, 3]."""
        low, high = np.quantile(means, KNOWN, axis=0)
        return cls(tuple(low.round(2).tolist()), tuple(high.round(2).tolist()))

    @classmethod
    def read(cls, told: Any) -> Self | None:
        """What `as_dict` told; None of None. Raises ValueError for anything else."""
        if told is None:
            return None
        low, high = (tuple(float(value) for value in told[name]) for name in ("low", "high"))
        if len(low) != 3 or len(high) != 3 or not all(0 <= a <= b for a, b in zip(low, high, strict=True)):
            raise ValueError(f"exposure: expected a range of three colours, got {told}")
        return cls(low, high)

    def as_dict(self) -> dict[str, Sequence[float]]:
        """For JSON."""
        return {"low": list(self.low), "high": list(self.high)}

    def widened(self, other: Exposure | None) -> Exposure:
        """The range that holds another one, too."""
        if other is None:
            return self
        low = tuple(min(a, b) for a, b in zip(self.low, other.low, strict=True))
        return Exposure(low, tuple(max(a, b) for a, b in zip(self.high, other.high, strict=True)))

    def __call__(self, frames: Frames) -> Frames:
        """Pictures uint8 [..., H, W, 3], each by its own gains."""
        means = mean_colors(frames)
        gains = np.clip(means, self.low, self.high) / np.maximum(means, 1.0)
        gains = np.clip(gains, 1 / MOST, MOST)[..., None, None, :]
        if (gains == 1.0).all():
            return frames
        return np.asarray((frames * gains).clip(0, 255).round(), np.uint8)


def mean_colors(frames: Frames) -> NDArray[np.float64]:
    """[..., 3] of pictures uint8 [..., H, W, 3]."""
    return np.asarray(frames.mean((-3, -2), dtype=np.float64))
