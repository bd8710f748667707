"""Pictures of boards as a camera that is wrong, a bad light or a hand would make them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from executors.robot import Observation
from planner import Frames
from tasks.tabletop.world.camera import BOARD, REFERENCE, Camera
from tasks.tabletop.world.layout import random_layout, random_names
from tasks.tabletop.world.world import World

Rng = np.random.Generator
Spoil = Callable[[Frames, Rng], Frames]
PIXELS: Final = 3
METRES: Final = 0.016
OURS: Final = (205, 205, 203)
"""The board's colour in pictures."""
SKINS: Final = ((224, 172, 140), (198, 134, 98), (120, 76, 52), (60, 90, 140), (40, 40, 46))
"""Colours of hands, sleeves and gloves."""


class Boards:
    """Boards of seeds after the pusher went about on them for a while, as a camera shows them."""

    def __init__(self, camera: Camera = BOARD) -> None:
        self._world = World(camera)

    def seen(self, seed: int, steps: int = 40) -> Observation:
        """The board of a seed, blocks pushed about, perhaps into heaps or over the edge."""
        rng, world = np.random.default_rng(seed), self._world
        world.clear()  # so that it does not matter what was there before
        world.place(*random_layout(rng, random_names(rng), gap=float(rng.uniform(0.045, 0.062))))
        target, goal = np.array(world.target), np.array(world.target)
        for _ in range(int(rng.integers(0, steps + 1))):
            if np.linalg.norm(goal - target) < 0.02:
                goal = rng.uniform((0.15, -0.3), (0.58, 0.3))
            way = goal - target
            target = target + way * min(1.0, 0.03 / max(float(np.linalg.norm(way)), 1e-6))
            world.step(target)
        return {
            "rgb": world.render(),
            "effector_translation": world.effector(),
            "effector_target_translation": np.array(world.target, np.float32),
        }

    def close(self) -> None:
        """Free the world."""
        self._world.close()


def shifted(picture: Frames, rng: Rng) -> Frames:
    """By PIXELS in one of eight directions; what comes in is as the edge was."""
    dx, dy = ((1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (-1, 1), (1, -1), (-1, -1))[rng.integers(8)]
    wide = np.pad(picture, ((PIXELS,) * 2, (PIXELS,) * 2, (0, 0)), mode="edge")
    height, width = picture.shape[:2]
    top, left = PIXELS - dy * PIXELS, PIXELS - dx * PIXELS
    return wide[top : top + height, left : left + width]


def painted(picture: Frames, color: Sequence[float] | NDArray[np.float64]) -> Frames:
    """A board of another colour (red, green, blue, 0..255)."""
    ours = np.abs(picture.astype(int) - OURS).max(-1) < 12
    return np.where(ours[..., None], np.asarray(color).astype(np.uint8), picture)


def green(picture: Frames, rng: Rng) -> Frames:
    """A board painted in one of many greens."""
    return painted(picture, rng.uniform((20, 120, 20), (150, 200, 150)))


def mirrored(picture: Frames, rng: Rng) -> Frames:
    """Left for right."""
    return picture[:, ::-1]


def upside_down(picture: Frames, rng: Rng) -> Frames:
    """Turned by half."""
    return picture[::-1, ::-1]


def turned(picture: Frames, rng: Rng) -> Frames:
    """By three to ten degrees either way."""
    angle = rng.uniform(3, 10) * rng.choice([-1, 1])
    return np.asarray(
        Image.fromarray(picture).rotate(angle, Image.Resampling.BILINEAR, fillcolor=(72, 77, 86))
    )


def lit(picture: Frames, rng: Rng) -> Frames:
    """Light of -30 to +10%."""
    return _bytes(np.asarray(picture * rng.uniform(0.7, 1.1), np.float64))


def noisy(picture: Frames, rng: Rng) -> Frames:
    """Noise of standard deviation 20."""
    return _bytes(picture + rng.normal(0, 20, picture.shape))


def lit_and_noisy(picture: Frames, rng: Rng) -> Frames:
    """Both."""
    return noisy(lit(picture, rng), rng)


def with_hand(picture: Frames, rng: Rng) -> Frames:
    """A hand and its arm reach in from a side."""
    height, width = picture.shape[:2]
    image = Image.fromarray(picture)
    pen, skin = ImageDraw.Draw(image), SKINS[rng.integers(len(SKINS))]
    palm = rng.uniform((0.2 * width, 0.2 * height), (0.8 * width, 0.8 * height))
    along = rng.uniform(0.1, 0.9)
    sides = (
        (along * width, -9),
        (along * width, height + 9),
        (-9, along * height),
        (width + 9, along * height),
    )
    start, wide = np.array(sides[rng.integers(4)]), rng.uniform(8, 14)
    pen.line([*start, *palm], fill=skin, width=int(wide))
    _disc(pen, palm, wide * 0.8, skin)
    ahead = np.arctan2(*(palm - start)[::-1])
    for finger in rng.uniform(-0.6, 0.6, 4):
        tip = palm + rng.uniform(10, 17) * np.array([np.cos(ahead + finger), np.sin(ahead + finger)])
        pen.line([*palm, *tip], fill=skin, width=4)
    return np.asarray(image)


def _disc(
    pen: ImageDraw.ImageDraw, middle: NDArray[np.float64], radius: float, color: tuple[int, ...]
) -> None:
    pen.ellipse([*(middle - radius), *(middle + radius)], fill=color)


def as_it_is(picture: Frames, rng: Rng) -> Frames:
    """Nothing done to it."""
    return picture


def _bytes(values: NDArray[np.float64]) -> Frames:
    return values.clip(0, 255).round().astype(np.uint8)


GOOD: Final[Mapping[str, Spoil]] = {
    "as it is": as_it_is,
    "light -30 to +10%": lit,
    "noise of 20": noisy,
    "both": lit_and_noisy,
}
"""What may not be taken for a fault."""
WRONG: Final[Mapping[str, tuple[Camera, Spoil]]] = {
    "shifted by 3 pixels": (BOARD, shifted),
    "shifted by 3 pixels, in bad light and noise": (
        BOARD,
        lambda f, rng: lit_and_noisy(shifted(f, rng), rng),
    ),
    "camera 16 mm to the left": (replace(BOARD, position=(0.46, -METRES, 0.8)), as_it_is),
    "camera 5% higher": (replace(BOARD, position=(0.46, 0.0, 0.84)), as_it_is),
    "camera tilted by 2 degrees": (replace(BOARD, pitch=80.0), as_it_is),
    "turned by 3 to 10 degrees": (BOARD, turned),
    "the reference camera": (REFERENCE, as_it_is),
    "a green board": (BOARD, green),
    "mirrored": (BOARD, mirrored),
    "upside down": (BOARD, upside_down),
}
"""What must be found, each with its camera."""
