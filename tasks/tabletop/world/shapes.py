"""Outlines of the four block shapes and their prisms, made here so that no mesh file is needed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tasks.tabletop.world.board import BLOCK_HEIGHT

RGBA = {
    "red": (0.86, 0.10, 0.12, 1.0),
    "blue": (0.10, 0.25, 0.90, 1.0),
    "green": (0.10, 0.62, 0.18, 1.0),
    "yellow": (0.98, 0.82, 0.08, 1.0),
}


@dataclass(frozen=True)
class Mesh:
    """A triangle mesh with one normal a vertex (flat shading)."""

    vertices: NDArray[np.float64]
    """[V, 3] metres, origin at the footprint's centre and half the height."""
    indices: NDArray[np.int64]
    """[3 * triangles] into `vertices`."""
    normals: NDArray[np.float64]
    """[V, 3] unit vectors."""


def _ring(count: int, radius: float, phase: float = 0.0) -> NDArray[np.float64]:
    angle = phase + 2 * np.pi * np.arange(count) / count
    return radius * np.stack([np.cos(angle), np.sin(angle)], axis=1)


def _fit(points: NDArray[np.float64], width: float, depth: float) -> NDArray[np.float64]:
    """Scale an outline to a footprint of depth (x) by width (y), centred on its bounding box."""
    low, high = points.min(0), points.max(0)
    return np.asarray((points - (low + high) / 2) * np.array([depth, width]) / (high - low))


def outline(shape: str) -> NDArray[np.float64]:
    """The footprint of a shape as a counter-clockwise polygon [P, 2] in metres, (x, y)."""
    if shape == "cube":
        return _fit(_ring(4, 1.0, np.pi / 4), 0.0397, 0.0397)
    if shape == "pentagon":
        return _fit(_ring(5, 1.0, np.pi), 0.0444, 0.0413)
    if shape == "star":
        points = _ring(10, 1.0, np.pi)
        points[1::2] *= 0.45
        return _fit(points, 0.0444, 0.0408)
    if shape == "moon":
        angle = np.linspace(-np.pi / 2, np.pi / 2, 11)
        outer = np.stack([np.cos(angle), np.sin(angle)], axis=1)
        inner = outer[-2:0:-1] * np.array([0.35, 1.0])
        return _fit(np.concatenate([outer, inner]), 0.0525, 0.0257)
    raise ValueError(f"expected a shape in moon, cube, star, pentagon, got {shape!r}")


def symmetry(shape: str) -> int:
    """How many times a shape looks the same in one turn."""
    return {"moon": 1, "cube": 4, "star": 5, "pentagon": 5}[shape]


def _top_triangles(shape: str, points: NDArray[np.float64]) -> list[tuple[int, int, int]]:
    """Triangles of the flat top; a moon is a strip between two arcs, the rest are fans."""
    count = len(points)
    if shape == "moon":
        strip = [(0, 1, count - 1)]
        for i in range(1, 9):
            a, b, c, d = i, i + 1, count - i, count - i - 1
            strip += [(a, b, d), (a, d, c)]
        return [*strip, (9, 10, 11)]
    return [(count, i, (i + 1) % count) for i in range(count)]


def prism(shape: str) -> Mesh:
    """The block of a shape as a mesh: flat top and sides (the bottom is never seen)."""
    points = outline(shape)
    half = BLOCK_HEIGHT / 2
    top = np.concatenate([points, [[0.0, 0.0]]])
    vertices = [np.concatenate([top, np.full((len(top), 1), half)], axis=1)]
    normals = [np.tile([0.0, 0.0, 1.0], (len(top), 1))]
    indices = [i for triangle in _top_triangles(shape, points) for i in triangle]
    offset = len(top)
    for a, b in zip(points, np.roll(points, -1, axis=0), strict=True):
        side = np.array([[*a, -half], [*b, -half], [*b, half], [*a, half]])
        out = np.array([b[1] - a[1], a[0] - b[0], 0.0])
        vertices.append(side)
        normals.append(np.tile(out / np.linalg.norm(out), (4, 1)))
        indices += [offset + i for i in (0, 1, 2, 0, 2, 3)]
        offset += 4
    return Mesh(np.concatenate(vertices), np.array(indices), np.concatenate(normals))
