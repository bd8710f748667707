"""Slots: the board as 17 small vectors, one for each block kind and one for the pusher.

A slot is (present, x, y, cos, sin): presence in 0..1, place scaled to about -1..1, and the yaw times
the shape's symmetry order, so that turns which look alike are alike. Absent slots are all zero.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from tasks.tabletop.world.board import KINDS, shape_of
from tasks.tabletop.world.shapes import symmetry

SLOTS = len(KINDS) + 1
PUSHER = SLOTS - 1
CENTER = np.array([0.35, 0.0], np.float32)
SCALE = np.array([0.25, 0.30], np.float32)
ORDERS = np.array([symmetry(shape_of(kind)) for kind in KINDS], np.float32)


def from_poses(poses: NDArray[np.float32], effector: NDArray[np.float32]) -> NDArray[np.float32]:
    """Block poses [..., 16, 3] (metres, radians; NaN absent) and pusher [..., 2] to slots [..., 17, 5]."""
    slots = np.zeros((*poses.shape[:-2], SLOTS, 5), np.float32)
    present = np.isfinite(poses[..., 0])
    slots[..., :PUSHER, 0] = present
    slots[..., :PUSHER, 1:3] = (poses[..., :2] - CENTER) / SCALE
    slots[..., :PUSHER, 3] = np.cos(poses[..., 2] * ORDERS)
    slots[..., :PUSHER, 4] = np.sin(poses[..., 2] * ORDERS)
    slots[..., :PUSHER, :][~present] = 0.0
    slots[..., PUSHER, 0] = 1.0
    slots[..., PUSHER, 1:3] = (effector - CENTER) / SCALE
    return slots


def places(slots: NDArray[np.float32]) -> NDArray[np.float32]:
    """Slots [..., 17, 5] to places [..., 17, 2] in metres, whether present or not."""
    return np.asarray(slots[..., 1:3] * SCALE + CENTER, np.float32)


def pose_array(blocks: Mapping[str, Sequence[float]]) -> NDArray[np.float32]:
    """Block name -> (x, y, yaw) as poses [16, 3] in the order of KINDS, NaN where absent."""
    poses = np.full((len(KINDS), 3), np.nan, np.float32)
    for name, pose in blocks.items():
        poses[KINDS.index(name)] = pose
    return poses
