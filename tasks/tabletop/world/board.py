"""The tabletop's constants, in metres in the robot-base frame.

+x points away from the robot (image down), +y points image right; sizes agree with
google-research/language-table.
"""

from __future__ import annotations

from typing import Final

from tasks.domain import CLIP_STRIDE as CLIP_STRIDE
from tasks.domain import CONTROL_HZ as CONTROL_HZ

COLORS: Final = ("red", "blue", "green", "yellow")
SHAPES: Final = ("moon", "cube", "star", "pentagon")
KINDS: Final = tuple(f"{color}_{shape}" for color in COLORS for shape in SHAPES)
BLOCK_4: Final = ("red_moon", "blue_cube", "green_star", "yellow_pentagon")
BLOCK_8: Final = (
    "red_moon",
    "red_pentagon",
    "blue_moon",
    "blue_cube",
    "green_cube",
    "green_star",
    "yellow_star",
    "yellow_pentagon",
)

BOARD_X: Final = (0.1214, 0.5786)
BOARD_Y: Final = (-0.3048, 0.3048)
BOARD_CENTER: Final = (0.35, 0.0)
EFFECTOR_X: Final = (0.15, 0.60)
EFFECTOR_Y: Final = (-0.3048, 0.3048)
EFFECTOR_RADIUS: Final = 0.0127
BLOCK_HEIGHT: Final = 0.0381
BLOCK_MASS: Final = 0.01

MAX_DELTA: Final = 0.1
"""Largest change of the effector's set point in each axis, metres a control step."""
SUBSTEPS: Final = 24

LONG_MAX_STEPS: Final = 1500
HOLD_STEPS: Final = 10
"""A long-horizon task is complete when its reward has been 1 for this long (1 s)."""

ABSOLUTE_LOCATIONS: Final = {
    "top_left": (0.125, -0.3048),
    "top": (0.125, 0.0),
    "top_right": (0.125, 0.3048),
    "center_left": (0.35, -0.3048),
    "center": (0.35, 0.0),
    "center_right": (0.35, 0.3048),
    "bottom_left": (0.575, -0.3048),
    "bottom": (0.575, 0.0),
    "bottom_right": (0.575, 0.3048),
}
DIRECTIONS: Final = {
    "up": (-1.0, 0.0),
    "down": (1.0, 0.0),
    "left": (0.0, -1.0),
    "right": (0.0, 1.0),
    "diagonal_up_left": (-1.0, -1.0),
    "diagonal_up_right": (-1.0, 1.0),
    "diagonal_down_left": (1.0, -1.0),
    "diagonal_down_right": (1.0, 1.0),
}
"""Cardinal and diagonal directions as (x, y), not normalised."""


def color_of(kind: str) -> str:
    """The colour of a block kind: "red_moon" -> "red"."""
    return kind.split("_")[0]


def shape_of(kind: str) -> str:
    """The shape of a block kind: "red_moon" -> "moon"."""
    return kind.split("_")[1]


def words_of(kind: str) -> str:
    """A block kind in words: "red_moon" -> "red moon"."""
    return kind.replace("_", " ")
