"""Board edges: where a picture shows them, beside where a camera should show them.

Across each edge, colour changes in a known way. That profile is looked for near its place, and a small
homography is fitted to what was found by iteratively reweighted least squares, so that what covers part of an
edge has no say.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates, uniform_filter1d

from tasks.tabletop.world.board import BOARD_X, BOARD_Y
from tasks.tabletop.world.camera import Camera

REACH = 9.0
"""Pixels to either side in which an edge is looked for."""
_HALF = 5.0
"""Pixels of the profile to either side of an edge."""
_STEP = 0.5
_ALONG = 5
"""Pixels along an edge over which its profile is averaged: noise falls, aliasing goes."""
_LIKE = 0.6
"""Correlation from which a profile counts as that of the edge."""
_HELD = (1e-6, 0.1, 0.1, 1e-6, 0.1, 0.1, 0.5, 0.5)
"""How firmly each part of the homography is held at none, in edges' places."""
AGREES = 1.0
"""Pixels that an edge may be off from where the others say that it is."""

Points = NDArray[np.float64]


@dataclass(frozen=True)
class Alignment:
    """How a picture's board lies to the one that a camera should show."""

    corners: Points
    """Of each corner [4, 2] (top left, top right, bottom right, bottom left), how far off it is seen, pixels
    (column, row)."""
    agree: float
    """Share of the edges' length, 0..1, that is where these corners say."""
    home: float
    """Share of it that is where the camera should show it."""

    @property
    def shift(self) -> Points:
        """What is common to all corners [2], pixels."""
        return np.asarray(self.corners.mean(0))

    @property
    def farthest(self) -> float:
        """Of the corner that is farthest off, pixels."""
        return float(np.linalg.norm(self.corners, axis=-1).max())


class BoardEdges:
    """Looks for the board's edges.

    Args:
        camera: that should show them.
        board: the empty board as it shows it, in 0..255 [H, W, 3].
    """

    def __init__(self, camera: Camera, board: NDArray[np.float32]) -> None:
        height, width = board.shape[:2]
        self.corners = board_corners(camera, height, width)
        self._places, self._normals = _sampled(self.corners)
        self._size = np.array([width, height], float)
        self._basis = _basis(self._places, self._size)
        self._expected = _unit(_profiles(board, self._places, self._normals, _HALF))

    def align(self, picture: NDArray[np.uint8]) -> Alignment:
        """Of a picture uint8 [H, W, 3]."""
        seen = _profiles(picture, self._places, self._normals, _HALF + REACH)
        windows = np.lib.stride_tricks.sliding_window_view(seen, self._expected.shape[1], axis=1)
        likeness = np.einsum("nst,nt->ns", _unit(windows), self._expected)
        off, found = _peaks(likeness)
        share = found.mean()
        if not share:
            return Alignment(np.zeros((4, 2)), 0.0, 0.0)
        places, normals, off = self._basis[found], self._normals[found], off[found]
        rows = (normals[:, None, :] @ places)[:, 0]
        fit = _fitted(rows, off, normals)
        agree = float((np.abs(rows @ fit - off) < AGREES).mean() * share)
        home = float((np.abs(off) < AGREES).mean() * share)
        return Alignment(_basis(self.corners, self._size) @ fit, agree, home)


def board_corners(camera: Camera, height: int, width: int) -> Points:
    """Where a camera shows the board's corners [4, 2] (column, row), pixels: top left, then clockwise."""
    (x0, x1), (y0, y1) = BOARD_X, BOARD_Y
    return camera.project(np.array([[x0, y0, 0], [x0, y1, 0], [x1, y1, 0], [x1, y0, 0.0]]), height, width)


def _sampled(corners: Points) -> tuple[Points, Points]:
    """Places along the edges [N, 2] and the normals that lead out of the board there [N, 2], pixels."""
    places, normals = [], []
    for start, end in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        way = end - start
        length = float(np.linalg.norm(way))
        share = np.arange(_ALONG, length - _ALONG, 2.0) / length
        places.append(start + share[:, None] * way)
        normals.append(np.tile(np.array([way[1], -way[0]]) / length, (len(share), 1)))
    return np.concatenate(places), np.concatenate(normals)


def _profiles(picture: NDArray[np.generic], places: Points, normals: Points, half: float) -> Points:
    """How fast colour changes across the edges, from `half` pixels within to as many without [N, T]."""
    across = np.arange(-half, half + _STEP / 2, _STEP)
    along = np.arange(_ALONG) - (_ALONG - 1) / 2
    tangents = np.stack([-normals[:, 1], normals[:, 0]], -1)
    at = places[:, None, None] + along[:, None, None] * tangents[:, None, None] + (
        across[:, None] * normals[:, None, None]
    )  # fmt: skip
    rows, columns = at[..., 1] - 0.5, at[..., 0] - 0.5
    colors = np.stack(
        [map_coordinates(picture[..., c].astype(float), [rows, columns], order=1, mode="nearest")
         for c in range(3)], -1,
    ).mean(1)  # fmt: skip
    change = np.linalg.norm(colors[:, 2:] - colors[:, :-2], axis=-1)
    return np.asarray(uniform_filter1d(change, 3, axis=-1))


def _unit(profiles: Points) -> Points:
    """Profiles [..., T] without their mean, of length one."""
    centred = profiles - profiles.mean(-1, keepdims=True)
    return np.asarray(centred / np.maximum(np.linalg.norm(centred, axis=-1, keepdims=True), 1e-6))


def _peaks(likeness: Points) -> tuple[Points, NDArray[np.bool_]]:
    """Where likeness [N, S] is highest, pixels from home [N], and whether the edge is seen there."""
    best = likeness.argmax(-1)
    inner = best.clip(1, likeness.shape[1] - 2)
    rows = np.arange(len(likeness))
    left, middle, right = (likeness[rows, inner + k] for k in (-1, 0, 1))
    bend = np.minimum(left - 2 * middle + right, -1e-9)
    finer = np.where(inner == best, 0.5 * (left - right) / bend, 0.0).clip(-0.5, 0.5)
    return (best + finer) * _STEP - REACH, likeness[rows, best] >= _LIKE


def _basis(places: Points, size: Points) -> Points:
    """What a small homography does to places [N, 2]: shifts, linear in its eight parts [N, 2, 8]."""
    x, y = (2 * places / size - 1).T
    one, none = np.ones_like(x), np.zeros_like(x)
    column = np.stack([one, x, y, none, none, none, x * x, x * y], -1)
    row = np.stack([none, none, none, one, x, y, x * y, y * y], -1)
    return np.stack([column, row], 1)


def _fitted(rows: Points, off: Points, normals: Points) -> Points:
    """The parts of a small homography [8] for how far edges are off [N]; `rows` [N, 8] say what each part
    does across them."""
    grid = np.arange(-REACH, REACH + 0.1, 0.5)
    shifts = np.stack(np.meshgrid(grid, grid), -1).reshape(-1, 2)
    votes = np.exp(-(((shifts @ normals.T - off) / AGREES) ** 2)).sum(-1)
    shifted, zoomed = np.zeros(8), np.zeros(8)
    shifted[[0, 3]] = shifts[votes.argmax()]
    # One start for what is shifted, one for what is turned or of another size: its edges go apart.
    fits = [_refined(rows, off, shifted, (4.0, 3.0)), _refined(rows, off, zoomed, (12.0, 9.0, 6.0, 4.0, 3.0))]
    return max(fits, key=lambda fit: int((np.abs(rows @ fit - off) < AGREES).sum()))


def _refined(rows: Points, off: Points, fit: Points, limits: Sequence[float]) -> Points:
    """A fit [8] that edges farther off than a limit in pixels, lower from time to time, have no say in."""
    for limit in (*limits, 2.0, 2.0, 1.5, 1.5):
        weight = np.clip(1 - ((rows @ fit - off) / limit) ** 2, 0, None) ** 2
        # Without the small last term, edges that are not seen could be anywhere.
        square = rows.T @ (weight[:, None] * rows) + np.diag(_HELD)
        fit = np.asarray(np.linalg.solve(square, rows.T @ (weight * off)), np.float64)
    return fit
