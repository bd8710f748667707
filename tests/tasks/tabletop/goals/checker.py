"""An independent checker of relations: plain arithmetic on points, written beside the relations and from
their words alone; it shares no code with them."""

from __future__ import annotations

import cmath
import math
from collections.abc import Mapping, Sequence
from itertools import combinations, pairwise

Point = tuple[float, float]
Board = Mapping[str, Point]

CX, CY = 0.35, 0.0
TOP, BOTTOM, LEFT, RIGHT = 0.1214, 0.5786, -0.3048, 0.3048


def is_in(area: str, p: Point) -> bool:
    if area == "center":
        return math.dist(p, (CX, CY)) < 0.10
    if not (TOP <= p[0] <= BOTTOM and LEFT <= p[1] <= RIGHT):
        return False
    tests = {"top": p[0] < CX, "bottom": p[0] > CX, "left": p[1] < CY, "right": p[1] > CY}
    return all(tests[word] for word in area.split("_"))


def in_area(board: Board, who: Sequence[str], area: str) -> bool:
    return all(is_in(area, board[n]) for n in who)


def near(board: Board, who: Sequence[str], others: Sequence[str]) -> bool:
    return all(any(o != n and math.dist(board[n], board[o]) < 0.08 for o in others) for n in who)


def together(board: Board, who: Sequence[str]) -> bool:
    reached, border = {who[0]}, [who[0]]
    while border:
        here = border.pop()
        for other in who:
            if other not in reached and math.dist(board[here], board[other]) < 0.08:
                reached.add(other)
                border.append(other)
    return len(reached) == len(who)


def side(board: Board, who: Sequence[str], way: str, others: Sequence[str]) -> bool:
    for n in who:
        for o in others:
            if n == o:
                continue
            down, right = board[n][0] - board[o][0], board[n][1] - board[o][1]
            ahead = {"left": -right, "right": right, "up": -down, "down": down}[way]
            beside = abs(down) if way in ("left", "right") else abs(right)
            if ahead < 0.03 or (len(others) == 1 and beside > ahead):
                return False
    return True


def between(board: Board, who: Sequence[str], a: str, b: str) -> bool:
    (ax, ay), (bx, by) = board[a], board[b]
    length = math.hypot(bx - ax, by - ay)
    for n in who:
        px, py = board[n][0] - ax, board[n][1] - ay
        along = (px * (bx - ax) + py * (by - ay)) / length
        beside = abs(px * (by - ay) - py * (bx - ax)) / length
        if not 0.2 * length <= along <= 0.8 * length or beside >= 0.04:
            return False
    return True


def apart(board: Board, who: Sequence[str], others: Sequence[str] = ()) -> bool:
    pairs = [(a, b) for a in who for b in others if a != b] if others else list(combinations(who, 2))
    return all(math.dist(board[a], board[b]) >= 0.10 for a, b in pairs)


def line(board: Board, who: Sequence[str], way: str, where: str) -> bool:
    points = [board[n] for n in who]
    if where in ("top", "bottom", "left", "right") and not all(is_in(where, p) for p in points):
        return False
    angles = {"horizontal": [90.0], "vertical": [0.0], "diagonal": [45.0, -45.0]}.get(way)
    if angles is None:  # the axis of most spread, from the second moments
        mx, my = (sum(p[k] for p in points) / len(points) for k in (0, 1))
        xx, yy = sum((p[0] - mx) ** 2 for p in points), sum((p[1] - my) ** 2 for p in points)
        xy = sum((p[0] - mx) * (p[1] - my) for p in points)
        angles = [math.degrees(0.5 * math.atan2(2 * xy, xx - yy))]
    return any(_on(points, math.radians(angle), way, where) for angle in angles)


def _on(points: Sequence[Point], angle: float, way: str, where: str) -> bool:
    along = sorted(p[0] * math.cos(angle) + p[1] * math.sin(angle) for p in points)
    across = [-p[0] * math.sin(angle) + p[1] * math.cos(angle) for p in points]
    if any(b - a < 0.035 for a, b in pairwise(along)):
        return False
    if where != "middle":
        return max(across) - min(across) < 0.05
    if way == "horizontal":
        return all(abs(p[0] - 0.375) < 0.03 for p in points)
    if way == "vertical":
        return all(abs(p[1]) < 0.03 for p in points)
    middle = -CX * math.sin(angle) + CY * math.cos(angle)
    return all(abs(c - middle) < 0.03 for c in across)


def row(board: Board, order: Sequence[str], along: str) -> bool:
    axis = 1 if along == "left_to_right" else 0
    places = [board[n] for n in order]
    far = [p[axis] for p in places]
    beside = [p[1 - axis] for p in places]
    return all(b - a >= 0.035 for a, b in pairwise(far)) and (max(beside) - min(beside) < 0.06)


def circle(board: Board, who: Sequence[str], around: str = "", across: float = 0.0) -> bool:
    points = [complex(*board[n]) for n in who]
    middle = complex(*board[around]) if around else _middle(points)
    radii = [abs(p - middle) for p in points]
    mean = sum(radii) / len(radii)
    turns = sorted(cmath.phase(p - middle) for p in points)
    gaps = [b - a for a, b in zip(turns, [*turns[1:], turns[0] + 2 * math.pi], strict=True)]
    return (
        all(abs(r - mean) < 0.02 for r in radii)
        and mean >= 0.05
        and max(gaps) <= 1.6 * 2 * math.pi / len(points)
        and (not across or abs(2 * mean - across) < 0.03)
    )


def _middle(points: Sequence[complex]) -> complex:
    """The circle's middle by the normal equations of the algebraic fit, about the points' own mean."""
    mean = sum(points) / len(points)
    u = [(p - mean).real for p in points]
    v = [(p - mean).imag for p in points]
    suu, svv = sum(a * a for a in u), sum(b * b for b in v)
    suv = sum(a * b for a, b in zip(u, v, strict=True))
    right_u = sum(a * (a * a + b * b) for a, b in zip(u, v, strict=True)) / 2
    right_v = sum(b * (a * a + b * b) for a, b in zip(u, v, strict=True)) / 2
    det = suu * svv - suv * suv
    return mean + complex((right_u * svv - right_v * suv) / det, (right_v * suu - right_u * suv) / det)


def corners(board: Board, who: Sequence[str], figure: str) -> bool:
    points = [complex(*board[n]) for n in who]
    middle = sum(points) / len(points)
    ring = sorted(points, key=lambda p: cmath.phase(p - middle))
    sides = [abs(a - b) for a, b in zip(ring, [*ring[1:], ring[0]], strict=True)]
    mean = sum(sides) / len(sides)
    good = mean >= 0.07 and all(abs(s - mean) <= 0.2 * mean for s in sides)
    if figure == "square":
        one, two = abs(ring[0] - ring[2]), abs(ring[1] - ring[3])
        half = (one + two) / 2
        good = good and abs(one - half) <= 0.2 * half and abs(two - half) <= 0.2 * half
    return good


def clear(board: Board, area: str) -> bool:
    if area == "center":
        return all(math.dist(p, (CX, CY)) > 0.15 for p in board.values())
    return not any(is_in(area, p) for p in board.values())
