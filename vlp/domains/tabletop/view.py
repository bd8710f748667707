"""Camera view: is a picture one of our camera over our board? Its edges, its colour, the rest drawn anew."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import binary_opening, label, uniform_filter

from executors.robot import Observation
from executors.safety.gate import finite_numbers
from planner import Frames
from tasks.tabletop.seeing.edges import Alignment, BoardEdges, board_corners
from tasks.tabletop.seeing.encoder import SlotEncoder
from tasks.tabletop.seeing.slots import PUSHER, places
from tasks.tabletop.world.board import BLOCK_HEIGHT, BOARD_CENTER
from tasks.tabletop.world.camera import CAMERAS, Camera
from video.tabletop.renderer import SlotRenderer, visible


@dataclass(frozen=True)
class ViewConfig:
    """What a picture is held to. Chosen on boards below the evaluation seeds, see
    vlp.evaluate.tabletop.camera."""

    corner: float = 1.5
    """Pixels that a corner of the board may be off; one is some 5 mm."""
    shift: float = 0.8
    """Pixels that the whole board may be."""
    agree: float = 0.5
    """Share of the edges that must be seen before they say where the board is."""
    home: float = 0.2
    """Share of them that is enough where they are as they should be: something may cover the others."""
    tint: float = 0.02
    """How much of each colour's share of the board's light (a third of it) may be another's."""
    light: tuple[float, float] = (0.5, 1.25)
    """Brightness of the board beside the one known."""
    plain: float = 0.5
    """Share of the board that must be of one colour for that to be the board's."""
    rest: float = 0.08
    """Share of the board that tells its light though something of one colour covers the rest."""
    differs: float = 45.0
    """Of 255, in any colour, from which a place is not as drawn."""
    covered: int = 60
    """Places (pixels) in one piece that may not be as drawn; a block's top has some 60."""
    noise: float = 40.0
    """Standard deviation of neighbouring places, of 255."""
    pusher: float = 0.03
    """Metres between where the pusher is seen and where the robot measures it."""


_COVER: Final = "take it away"


class BoardView:
    """Looks at pictures of one camera; from any thread.

    Args:
        encoder: finds blocks and pusher.
        renderer: draws them again; its camera and its empty board are the ones that are expected.
    """

    def __init__(
        self, encoder: SlotEncoder, renderer: SlotRenderer, config: ViewConfig | None = None
    ) -> None:
        self._encoder, self._renderer, self.config = encoder, renderer, config or ViewConfig()
        self.camera: Camera = CAMERAS[renderer.config.camera]
        self.shape = (int(renderer.config.height), int(renderer.config.width), 3)
        self._board = renderer.board.detach().float().permute(1, 2, 0).cpu().numpy() * 255
        self._edges = BoardEdges(self.camera, self._board)
        self._inside = _inside(self.camera, *self.shape[:2])
        self._millimetres = _millimetres(self.camera, *self.shape[:2])
        self._turn = threading.Lock()

    def fault(self, observation: Observation) -> tuple[str, str, str] | None:
        """What was expected of an observation with "rgb" uint8 [H, W, 3], what was got, and what to do; None
        where nothing is wrong. "effector_translation" [2] in metres, if there, is compared with what is seen.
        """
        picture = np.array(observation["rgb"])
        if picture.shape != self.shape:
            return f"a picture of {list(self.shape)}", f"one of {list(picture.shape)}", "set its size"
        with self._turn:
            return (
                self._noisy(picture)
                or self._elsewhere(picture)
                or self._colored(picture)
                or self._as_drawn(picture, finite_numbers(observation.get("effector_translation"), 2))
            )

    def _noisy(self, picture: Frames) -> tuple[str, str, str] | None:
        # Neighbours in a row differ by noise alone, but at the few edges.
        sigma = float(np.median(np.abs(np.diff(picture.astype(float), axis=1))) / 0.6745 / np.sqrt(2))
        if sigma <= self.config.noise:
            return None
        return (
            f"a picture with noise below {self.config.noise:.0f} of 255",
            f"{sigma:.0f}",
            "look at its gain",
        )

    def _elsewhere(self, picture: Frames) -> tuple[str, str, str] | None:
        """Whether the board is somewhere else in the picture."""
        found, config = self._edges.align(picture), self.config
        name, then = f"the camera {self.camera.name!r}", "set the camera back"
        if found.agree >= config.agree:
            far = float(np.linalg.norm(found.shift))
            if far <= config.shift and found.farthest <= config.corner:
                return None
            return f"the board where {name} shows it, to {config.shift} pixels", self._off(found), then
        if found.home >= config.home:
            return None
        if self._share_of_board(picture) < config.plain:
            return "a board in full view", "something covers the board, or none is in view", _COVER
        return (
            f"the board's edges where {name} shows them",
            f"{found.home:.0%} of them there: another camera or another board", then,
        )  # fmt: skip

    def _off(self, found: Alignment) -> str:
        """How a board is off, in words."""
        (x, y), far = found.shift, float(np.linalg.norm(found.shift))
        ways = [f"{abs(x):.1f} {'right' if x > 0 else 'left'}"] if abs(x) >= 0.3 else []
        ways += [f"{abs(y):.1f} {'down' if y > 0 else 'up'}"] if abs(y) >= 0.3 else []
        shift = (
            f"it {far:.1f} pixels ({far * self._millimetres:.0f} mm) off ({', '.join(ways)})" if ways else ""
        )
        bent = float(np.linalg.norm(found.corners - found.shift, axis=-1).max())
        if bent < self.config.shift:
            return shift
        corners = f"{found.farthest:.1f} pixels ({found.farthest * self._millimetres:.0f} mm)"
        begin = f"{shift}, and" if shift else "it"
        return f"{begin} turned, tilted or of another size: a corner {corners} off"

    def _share_of_board(self, picture: Frames) -> float:
        """Share of the board, 0..1, that is about as bright as its middle value, in every colour."""
        inside = uniform_filter(picture.astype(float), (3, 3, 0))[self._inside]
        return float((np.abs(inside - np.median(inside, axis=0)).max(-1) < self.config.differs).mean())

    def _ours(self, picture: Frames) -> NDArray[np.bool_]:
        """Which of the pixels inside [N] have the board's colour, in any light."""
        inside = uniform_filter(picture.astype(float), (3, 3, 0))[self._inside]
        known = np.median(self._board[self._inside], axis=0)
        bright = inside.sum(-1)
        tint = np.abs(inside / np.maximum(bright, 1.0)[:, None] - known / known.sum()).max(-1)
        low, high = (limit * known.sum() for limit in self.config.light)
        return np.asarray((tint < self.config.tint) & (bright > low) & (bright < high))

    def _colored(self, picture: Frames) -> tuple[str, str, str] | None:
        """Whether the board is of another colour, or in another light."""
        config = self.config
        if self._share_of_board(picture) < config.plain:
            return None  # what there is to say, `_as_drawn` does
        seen, known = (np.median(f[self._inside], axis=0) for f in (picture.astype(float), self._board))
        bright, tint = seen.sum() / known.sum(), seen / max(seen.sum(), 1.0) - known / known.sum()
        if np.abs(seen - bright * known).max() > config.differs and self._ours(picture).mean() > config.rest:
            return None  # the board shows beside what is in front of it
        shown = f"{seen.astype(int).tolist()}, {np.abs(tint).max() * 300:.0f}% off in colour"
        if np.abs(tint).max() > config.tint:
            return (f"a board of about {known.astype(int).tolist()}, to {config.tint * 300:.0f}%",
                    f"one of {shown}", "look at light and board")  # fmt: skip
        if not config.light[0] <= bright <= config.light[1]:
            low, high = config.light
            return f"light of {low:.0%} to {high:.0%} of the known", f"{bright:.0%}", "look at lens and light"
        return None

    def _as_drawn(self, picture: Frames, measured: NDArray[np.float64] | None) -> tuple[str, str, str] | None:
        """Whether what is seen in the picture, drawn again, is the picture."""
        slots = self._encoder.see(picture[None])
        drawn = self._draw(slots)
        size, where = _largest(self._differs(picture, drawn))
        if size > self.config.covered:
            row, column = where
            height, width = self.shape[:2]
            side = "left" if column < width / 3 else "right" if column > width * 2 / 3 else "middle"
            part = "top" if row < height / 3 else "bottom" if row > height * 2 / 3 else "middle"
            place = part if part == side else f"{part} {side}"
            share = size / self._inside.sum()
            return (f"a board with blocks and a pusher only, to {self.config.covered} pixels",
                    f"{size} ({share:.0%} of it) that are neither: something covers the board, {place}",
                    _COVER)  # fmt: skip
        if measured is not None and slots[0, PUSHER, 0] > 0.5:
            far = float(np.linalg.norm(places(slots)[0, PUSHER] - measured))
            if far > self.config.pusher:
                return (f"the pusher where the robot measures it, to {self.config.pusher} m",
                        f"it {far:.3f} m from there: a picture that is mirrored, turned or another robot's",
                        "see to the camera")  # fmt: skip
        return None

    @torch.inference_mode()
    def _draw(self, slots: NDArray[np.float32]) -> NDArray[np.float64]:
        """Slots [1, 17, 5] as a picture [H, W, 3] in 0..255."""
        given = visible(torch.from_numpy(slots).to(self._renderer.device))
        return np.asarray(self._renderer(given)[0].permute(1, 2, 0).double().cpu().numpy() * 255)

    def _differs(self, picture: Frames, drawn: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Where a picture is not as drawn [H, W], in the light that is."""
        seen = picture.astype(float)
        ours = self._ours(picture)
        shows = seen[self._inside][ours if ours.mean() > self.config.rest else ...]
        gain = np.median(shows, axis=0) / np.median(self._board[self._inside], axis=0)
        smooth = uniform_filter(seen - np.minimum(drawn * np.clip(gain, 0.3, 1.3), 255), (3, 3, 0))
        return np.asarray((np.abs(smooth).max(-1) > self.config.differs) & self._inside)


def _inside(camera: Camera, height: int, width: int) -> NDArray[np.bool_]:
    """Which pixels show the board, one pixel from its edge [H, W]."""
    corners = board_corners(camera, height, width)
    rows, columns = np.mgrid[:height, :width] + 0.5
    inside = np.ones((height, width), bool)
    for start, end in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        way = (end - start) / np.linalg.norm(end - start)
        inside &= (columns - start[0]) * -way[1] + (rows - start[1]) * way[0] > 1.0
    return inside


def _millimetres(camera: Camera, height: int, width: int) -> float:
    """How far apart two neighbouring pixels are in the middle of the board, millimetres."""
    x, y = BOARD_CENTER
    ends = camera.project(np.array([[x, y, 0.0], [x, y + BLOCK_HEIGHT, 0.0]]), height, width)
    return float(1000 * BLOCK_HEIGHT / np.linalg.norm(ends[1] - ends[0]))


def _largest(places: NDArray[np.bool_]) -> tuple[int, tuple[float, float]]:
    """Pixels of the largest piece, thin ones left out, and its middle (row, column)."""
    pieces, count = label(binary_opening(places, np.ones((3, 3))))
    if not count:
        return 0, (0.0, 0.0)
    sizes = np.bincount(pieces.ravel())[1:]
    rows, columns = np.nonzero(pieces == sizes.argmax() + 1)
    return int(sizes.max()), (float(rows.mean()), float(columns.mean()))
