"""A line chart as SVG, written by hand: it needs no script and no library in the page."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

WIDTH, HEIGHT = 640, 220
LEFT, RIGHT, TOP, BOTTOM = 58, 14, 20, 42  # margins, pixels
DOTS = 60  # more points than this are a line without dots

Point = tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class Chart:
    """A curve and what is said around it. Labels name their unit."""

    title: str
    x_label: str
    y_label: str
    points: Sequence[Point]  # by rising x
    marks: Sequence[tuple[float, str]] = ()  # upright lines: place on the x axis, short name
    right: float | None = None  # end of the x axis; None: what the points need
    top: float | None = None  # end of the y axis; None: what the points need
    stairs: bool = False  # a value holds until the next one

    def svg(self) -> Markup:
        """The <svg> element; every text in it is escaped."""
        x_ticks = _ticks(self.right or max([x for x, _ in [*self.points, *self.marks]], default=1))
        y_ticks = _ticks(self.top or max((y for _, y in self.points), default=1))
        frame = _Frame(x_ticks[-1], y_ticks[-1])
        parts = [_grid(frame, x_ticks, y_ticks), *(_mark(frame, *mark) for mark in self.marks)]
        parts += [_curve(frame, self.points, self.stairs), _labels(self.x_label, self.y_label)]
        described = f"{self.title}: {self.y_label} over {self.x_label}"
        return Markup(
            '<svg class="chart" viewBox="0 0 {} {}" role="img" aria-label="{}"><title>{}</title>{}</svg>'
        ).format(WIDTH, HEIGHT, described, described, Markup("").join(parts))


@dataclass(frozen=True)
class _Frame:
    """Takes values to pixels. Both axes start at 0; what lies below is drawn there."""

    x_end: float
    y_end: float

    def x(self, value: float) -> float:
        return round(LEFT + value / self.x_end * (WIDTH - LEFT - RIGHT), 1)

    def y(self, value: float) -> float:
        return round(HEIGHT - BOTTOM - max(0.0, value) / self.y_end * (HEIGHT - TOP - BOTTOM), 1)


def _ticks(largest: float) -> list[float]:
    """0 and up in 2 to 6 round steps, the last one at or above `largest`."""
    largest = max(largest, 1e-6)
    power = 10.0 ** math.floor(math.log10(largest))
    step = next(power * part for part in (0.2, 0.5, 1, 2) if largest / (power * part) <= 6)
    return [round(i * step, 10) for i in range(math.ceil(largest / step - 1e-9) + 1)]


def _grid(frame: _Frame, x_ticks: Sequence[float], y_ticks: Sequence[float]) -> Markup:
    rows = [
        Markup('<path class="grid" d="M{} {}H{}"/><text x="{}" y="{}" class="end">{:g}</text>').format(
            LEFT, frame.y(value), WIDTH - RIGHT, LEFT - 8, frame.y(value) + 4, value
        )
        for value in y_ticks
    ]
    columns = [
        Markup('<text x="{}" y="{}" class="middle">{:g}</text>').format(
            frame.x(value), HEIGHT - BOTTOM + 16, value
        )
        for value in x_ticks
    ]
    return Markup("").join(rows + columns)


def _mark(frame: _Frame, place: float, name: str) -> Markup:
    return Markup(
        '<path class="mark" d="M{} {}V{}"/><text x="{}" y="{}" class="middle note">{}</text>'
    ).format(frame.x(place), TOP, HEIGHT - BOTTOM, frame.x(place), TOP - 6, name)


def _curve(frame: _Frame, points: Sequence[Point], stairs: bool) -> Markup:
    if not points:
        return Markup('<text x="{}" y="{}" class="middle">nothing measured</text>').format(
            WIDTH / 2, HEIGHT / 2
        )
    places = [(frame.x(x), frame.y(y)) for x, y in points]
    joint = "H{0}V{1}" if stairs else "L{0} {1}"
    path = f"M{places[0][0]} {places[0][1]}" + "".join(joint.format(x, y) for x, y in places[1:])
    line = Markup('<path class="line" d="{}"/>').format(path)
    if len(places) > DOTS:
        return line
    dots = [
        Markup('<circle class="dot" cx="{}" cy="{}" r="3.5"><title>{:g}: {:.3g}</title></circle>').format(
            px, py, x, y
        )
        for (px, py), (x, y) in zip(places, points, strict=True)
    ]
    return Markup("").join([line, *dots])


def _labels(x_label: str, y_label: str) -> Markup:
    middle = (TOP + HEIGHT - BOTTOM) / 2
    return Markup(
        '<text x="{}" y="{}" class="middle label">{}</text>'
        '<text transform="translate(14 {}) rotate(-90)" class="middle label">{}</text>'
    ).format((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 6, x_label, middle, y_label)
