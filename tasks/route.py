"""Shortest ways round obstacles: a visibility graph over points on the obstacles' rims.

Source: Lozano-Perez and Wesley, "An algorithm for planning collision-free paths among polyhedral
obstacles" (1979), with discs in place of polygons.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse.csgraph import dijkstra

Points = NDArray[np.float64]
_RIM = 2 * np.pi * np.arange(8) / 8


def segment_distance(starts: Points, ends: Points, points: Points) -> Points:
    """Distance of each point from each segment: starts, ends [S, 2], points [P, 2] -> [S, P] metres."""
    along = ends - starts
    length = np.maximum((along**2).sum(1), 1e-12)
    offset = points[None] - starts[:, None]
    share = np.clip((offset * along[:, None]).sum(-1) / length[:, None], 0.0, 1.0)
    return np.asarray(np.linalg.norm(offset - share[..., None] * along[:, None], axis=-1))


def _rim_points(obstacles: Points, radii: Points, low: Points, high: Points) -> Points:
    rim = obstacles[:, None] + 1.1 * radii[:, None, None] * np.stack([np.cos(_RIM), np.sin(_RIM)], -1)[None]
    rim = rim.reshape(-1, 2)
    inside = ((rim >= low) & (rim <= high)).all(1)
    clear = (np.linalg.norm(rim[:, None] - obstacles[None], axis=-1) >= radii[None]).all(1)
    return np.asarray(rim[inside & clear])


def route(
    start: Points, goal: Points, obstacles: Points, *, clearance: float, low: Points, high: Points
) -> tuple[Points, bool]:
    """The shortest way from start to goal that keeps `clearance` metres from obstacle centres [N, 2].

    Where the start or the goal lies nearer to an obstacle than that, the obstacle's disc shrinks.
    Returns the way's points after the start [K, 2] and whether it is clear (False: the straight line).
    """
    straight = goal[None]
    if not len(obstacles):
        return straight, True
    nearest = np.minimum(np.linalg.norm(obstacles - start, axis=1), np.linalg.norm(obstacles - goal, axis=1))
    radii = np.clip(0.85 * nearest, 1e-3, clearance)
    if (segment_distance(start[None], straight, obstacles)[0] >= radii).all():
        return straight, True
    nodes = np.concatenate([start[None], straight, _rim_points(obstacles, radii, low, high)])
    first, second = np.triu_indices(len(nodes), 1)
    free = (segment_distance(nodes[first], nodes[second], obstacles) >= radii[None]).all(1)
    graph = np.zeros((len(nodes), len(nodes)))
    lengths = np.linalg.norm(nodes[first] - nodes[second], axis=1)
    graph[first[free], second[free]] = lengths[free]
    distance, previous = dijkstra(graph, directed=False, indices=0, return_predecessors=True)
    if not np.isfinite(distance[1]):
        return straight, False
    way = [1]
    while previous[way[-1]] > 0:
        way.append(int(previous[way[-1]]))
    return nodes[way[::-1]], True
