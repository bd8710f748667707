"""Pinhole cameras over the board: where a point in the world falls in the picture, and back."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tasks.tabletop.world.board import BLOCK_HEIGHT


@dataclass(frozen=True)
class Camera:
    """A pinhole camera that looks along -x and down; intrinsics scale with the picture's height."""

    name: str
    position: tuple[float, float, float]
    """Metres, robot-base frame."""
    pitch: float
    """Degrees below the horizontal."""
    focal: float
    """Focal length in units of the picture's height."""

    def axes(self) -> NDArray[np.float64]:
        """Right, up and forward unit vectors as rows [3, 3]. Image right is +y, as TASKS says."""
        angle = np.deg2rad(self.pitch)
        forward = np.array([-np.cos(angle), 0.0, -np.sin(angle)])
        right = np.array([0.0, 1.0, 0.0])
        return np.stack([right, np.cross(right, forward), forward])

    def project(self, points: NDArray[np.float64], height: int, width: int) -> NDArray[np.float64]:
        """World points [..., 3] in metres to pixels [..., 2] (column, row)."""
        local = (points - np.array(self.position)) @ self.axes().T
        scale = self.focal * height / local[..., 2]
        return np.stack([width / 2 + local[..., 0] * scale, height / 2 - local[..., 1] * scale], axis=-1)

    def plane_homography(self, height: int, width: int, z: float = BLOCK_HEIGHT) -> NDArray[np.float64]:
        """The 3x3 matrix that takes pixels (column, row, 1) to board (x, y, 1) at height z in metres."""
        corners = np.array([[0.1, -0.3, z], [0.1, 0.3, z], [0.6, 0.3, z], [0.6, -0.3, z]])
        pixels = self.project(corners, height, width)
        rows = []
        for (u, v), (x, y, _) in zip(pixels, corners, strict=True):
            rows.append([u, v, 1, 0, 0, 0, -u * x, -v * x, -x])
            rows.append([0, 0, 0, u, v, 1, -u * y, -v * y, -y])
        return np.asarray(np.linalg.svd(np.array(rows))[2][-1].reshape(3, 3))


REFERENCE = Camera("reference", (0.75, 0.0, 0.5), 54.0, 256.96 / 180)
"""The view of google-research/language-table (320x180)."""
BOARD = Camera("board", (0.46, 0.0, 0.80), 82.0, 1.52)
"""Our tighter view for planning: nearly overhead, the board fills a 4:3 picture."""
CAMERAS = {camera.name: camera for camera in (REFERENCE, BOARD)}
