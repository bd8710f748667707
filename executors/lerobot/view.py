"""The camera that a dataset was recorded with: whether a picture shows the same, and how it differs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from executors.robot import Observation

SIDES: Final = (32, 24)
"""Width and height at which pictures are compared."""
ZOOMS: Final = (0.6, 0.7, 0.8, 0.9, 1.0, 1.1, 1.25, 1.4, 1.6)
BETTER: Final = 0.1
"""More alike that a turned or zoomed picture must be to be named."""
SURE: Final = 0.5
"""How alike it must be at least: over a scene without marks of its own nobody can tell."""
LIGHT: Final = (30.0, 70.0)
"""Differences of the mean of all pixels, of 255: above the first it is named, above the second refused."""
COLOUR: Final = 0.05
"""Difference of a colour's share of the light above which it is named."""
LOWEST, HIGHEST, MARGIN = 0.3, 0.8, 0.15


@dataclass(frozen=True)
class Likeness:
    """How a picture compares with a dataset's."""

    alike: float
    """Correlation of grey values with the most similar of its pictures, -1..1."""
    limit: float
    """Below which it is not the same view."""
    light: float
    """Mean of all pixels less the dataset's, of 255."""
    colour: tuple[float, float, float]
    """Shares of red, green and blue less the dataset's."""
    zoom: float
    """Below 1 it shows more than the dataset's pictures, above 1 less."""
    turned: str
    """ "upside down", "mirrored", or nothing."""

    @property
    def refused(self) -> str:
        """Why nothing may be acted on; empty where it may."""
        if abs(self.light) > LIGHT[1]:
            return f"a picture {abs(self.light):.0f} of 255 {'darker' if self.light < 0 else 'brighter'}"
        if self.alike >= self.limit:
            return ""
        return self.turned or self._field() or f"another view (alike {self.alike:.2f} of {self.limit:.2f})"

    @property
    def differences(self) -> list[str]:
        """In words; none where it looks the same."""
        found = [self.turned] if self.turned else []
        found += [self._field()] if self._field() else []
        if abs(self.light) > LIGHT[0]:
            found.append(f"light: {self.light:+.0f} of 255")
        names = zip(("red", "green", "blue"), self.colour, strict=True)
        found += [f"colour: {share:+.0%} {name}" for name, share in names if abs(share) > COLOUR]
        if self.alike < self.limit:
            found.append(f"view: alike {self.alike:.2f}, the dataset's own at least {self.limit:.2f}")
        return found

    def _field(self) -> str:
        if self.zoom == 1:
            return ""
        size = f"{1 / self.zoom:.1f} times as much" if self.zoom < 1 else f"only {1 / self.zoom:.0%}"
        return f"field of view: it shows {size} of the scene"


class DatasetView:
    """See executors.safety.camera_watch.View.

    Args:
        pictures: of a dataset, uint8 [N, H, W, 3], N >= 1.
        episodes: [N], which episode each is of: how alike those of different ones are says what is the same.
    """

    def __init__(self, pictures: NDArray[np.uint8], episodes: NDArray[np.int64]) -> None:
        small = np.stack([_small(picture) for picture in pictures])
        self._grey = np.stack([_unit(one) for one in small])
        self._mean = small.mean(0)
        self._light, self._shares = float(small.mean()), _shares(small)
        likeness = np.einsum("nhw,mhw->nm", self._grey, self._grey) / self._grey[0].size
        others = np.where(episodes[:, None] != episodes[None], likeness, -1.0).max(1)
        told = others[others > -1]
        self.limit = float(np.clip(told.min() - MARGIN, LOWEST, HIGHEST)) if len(told) else 0.5

    def compare(self, picture: NDArray[np.uint8]) -> Likeness:
        """A picture uint8 [H, W, 3] of the dataset's proportions."""
        small = _small(picture)
        alike = self._alike(small)
        zooms = {zoom: _zoomed_alike(self._mean, small, zoom) for zoom in ZOOMS}
        zoom = max(zooms, key=lambda one: zooms[one])
        turns = {"upside down": small[::-1, ::-1], "mirrored": small[:, ::-1], "top down": small[::-1]}
        turned = max(turns, key=lambda one: self._alike(turns[one]))
        red, green, blue = (_shares(small[None]) - self._shares).tolist()
        return Likeness(
            alike=alike,
            limit=self.limit,
            light=float(small.mean()) - self._light,
            colour=(red, green, blue),
            zoom=zoom if zooms[zoom] > max(zooms[1.0] + BETTER, SURE) else 1.0,
            turned=turned if self._alike(turns[turned]) > max(alike + BETTER, self.limit) else "",
        )

    def fault(self, observation: Observation) -> tuple[str, str, str] | None:
        """What was expected, what was got, what to do; None for the dataset's own view."""
        why = self.compare(observation["rgb"]).refused
        if not why:
            return None
        return (
            "the view that the dataset was recorded with",
            why,
            "see to the camera; vlp check-robot compares",
        )

    def _alike(self, small: NDArray[np.float64]) -> float:
        return float((self._grey * _unit(small)).mean((1, 2)).max())


def _small(picture: NDArray[np.uint8]) -> NDArray[np.float64]:
    image = Image.fromarray(np.ascontiguousarray(picture)).resize(SIDES, Image.Resampling.BOX)
    return np.asarray(image, np.float64)


def _unit(small: NDArray[np.float64]) -> NDArray[np.float64]:
    """Grey values of mean 0 and standard deviation 1."""
    grey = small.mean(-1)
    return np.asarray((grey - grey.mean()) / (grey.std() + 1e-6))


def _shares(small: NDArray[np.float64]) -> NDArray[np.float64]:
    """Of red, green and blue [3] in the light of pictures [N, h, w, 3]."""
    each = small.mean((0, 1, 2))
    return np.asarray(each / max(each.sum(), 1e-6))


def _zoomed_alike(mean: NDArray[np.float64], small: NDArray[np.float64], zoom: float) -> float:
    """How alike the middles are, had one camera seen so much less than the other."""
    one, other = (mean, small) if zoom >= 1 else (small, mean)
    part = _middle(one, max(zoom, 1 / zoom))
    return float((_unit(part) * _unit(other)).mean())


def _middle(small: NDArray[np.float64], times: float) -> NDArray[np.float64]:
    height, width = small.shape[:2]
    box = (width * (1 - 1 / times) / 2, height * (1 - 1 / times) / 2)
    image = Image.fromarray(small.round().astype(np.uint8))
    whole = (*box, width - box[0], height - box[1])
    return np.asarray(image.resize((width, height), Image.Resampling.BILINEAR, box=whole), np.float64)
