"""Deviation: how what is seen differs from the clip that is followed."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tasks.route import segment_distance
from tasks.tabletop.demos.oracle import REACH_HIGH, REACH_LOW

STAYS = 0.0125
"""Metres within which a clip that shows a block leaves it alone; trained with and acted on."""
Seen = tuple[NDArray[np.bool_], NDArray[np.float32]]
"""Presence [K] and places [K, 2] in metres, pusher last."""


def gaps(seen: Seen, wanted: Seen) -> tuple[float, float]:
    """Largest distance of a block that both show, and the pusher's distance, metres."""
    both = seen[0][:-1] & wanted[0][:-1]
    distance = np.linalg.norm(seen[1] - wanted[1], axis=-1)
    return float(distance[:-1][both].max(initial=0.0)), float(distance[-1])


def left_alone(begun: Seen, clip: Seen, limit: float = STAYS) -> NDArray[np.bool_]:
    """Which things [K] a clip, presence [T, K] and places [T, K, 2], never shows `limit` metres or more
    from where they were seen at its start. That it shows them a little off is its error, not its wish."""
    off = np.where(clip[0], np.linalg.norm(clip[1] - begun[1], axis=-1), 0.0).max(0)
    stays = begun[0] & (off < limit)
    stays[-1] = False
    return np.asarray(stays)


def pushed_aside(begun: Seen, seen: Seen, stays: NDArray[np.bool_], limit: float) -> bool:
    """Whether one of the blocks that `stays` names went more than `limit` metres."""
    gone = np.linalg.norm(seen[1] - begun[1], axis=-1) > limit
    return bool((stays & gone & seen[0])[:-1].any())


def went_astray(begun: Seen, seen: Seen, clip: Seen, stays: NDArray[np.bool_], limit: float) -> bool:
    """Whether a block that a clip, presence [T, K] and places [T, K, 2], moves is more than `limit` metres
    from the whole of its way there, from where it was at the start."""
    for k in np.flatnonzero((begun[0] & seen[0] & ~stays)[:-1]):
        way = np.concatenate([begun[1][None, k], clip[1][clip[0][:, k], k]]).astype(float)
        way = np.concatenate([way, way[-1:]])  # at least one segment
        if segment_distance(way[:-1], way[1:], seen[1][None, k].astype(float)).min() > limit:
            return True
    return False


def pushed_to_edge(begun: Seen, seen: Seen, end: Seen, limit: float) -> bool:
    """Whether a block has come more than `limit` metres further out of where blocks can be pushed any way
    than it was at the start, and than it is to be in the end."""
    least = np.maximum(_beyond(begun[1]), np.where(end[0], _beyond(end[1]), 0.0))
    return bool((begun[0] & seen[0] & (_beyond(seen[1]) > least + limit))[:-1].any())


def _beyond(where: NDArray[np.float32]) -> NDArray[np.float64]:
    """How far places [..., 2] are out of there, metres."""
    return np.asarray(np.linalg.norm(where - np.clip(where, REACH_LOW, REACH_HIGH), axis=-1))
