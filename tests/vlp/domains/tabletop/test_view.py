"""A camera that is not ours, another board and a hand are found and named; bad light is not taken for one."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from executors.robot import Observation
from executors.safety.camera_watch import CameraWatch
from executors.safety.faults import CameraError
from planner import Frames
from tasks.tabletop.seeing.edges import BoardEdges
from tasks.tabletop.world.camera import BOARD, REFERENCE, Camera
from vlp.agent.parts import Parts
from vlp.domains.tabletop.build import build
from vlp.domains.tabletop.view import BoardView
from vlp.evaluate.tabletop.spoiled import (
    GOOD,
    WRONG,
    Boards,
    green,
    lit_and_noisy,
    mirrored,
    upside_down,
    with_hand,
)

SEEDS = range(910_000, 910_004)


@pytest.fixture(scope="module")
def parts() -> Parts:
    return build(device="cpu")


@pytest.fixture(scope="module")
def view(parts: Parts) -> BoardView:
    assert isinstance(parts.view, BoardView)
    return parts.view


def seen(camera: Camera = BOARD, seed: int = SEEDS[0]) -> Observation:
    boards = Boards(camera)
    try:
        return boards.seen(seed)
    finally:
        boards.close()


def moved(picture: Frames, right: int, down: int) -> Frames:
    """A picture whose content goes so many pixels to the right and down."""
    wide = np.pad(picture, ((9, 9), (9, 9), (0, 0)), mode="edge")
    height, width = picture.shape[:2]
    return wide[9 - down : 9 - down + height, 9 - right : 9 - right + width]


def words(view: BoardView, observation: Observation, picture: Frames | None = None) -> str:
    changed = observation["rgb"] if picture is None else np.ascontiguousarray(picture)
    return "; ".join(view.fault({**observation, "rgb": changed}) or ())


@pytest.mark.parametrize("name", GOOD)
@pytest.mark.parametrize("seed", SEEDS)
def test_our_camera_is_not_found_at_fault(view: BoardView, name: str, seed: int) -> None:
    board = seen(seed=seed)
    assert words(view, board, GOOD[name](board["rgb"], np.random.default_rng(seed))) == ""


@pytest.mark.parametrize("name", WRONG)
def test_a_camera_that_is_not_ours_is_found(view: BoardView, name: str) -> None:
    camera, spoil = WRONG[name]
    board = seen(camera)
    assert words(view, board, spoil(board["rgb"], np.random.default_rng(0)))


@pytest.mark.parametrize(
    ("right", "down", "said"),
    [
        (3, 0, r"3\.0 pixels \(1\d mm\) off \(3\.0 right\)"),
        (-3, 0, r"3\.\d left"),
        (0, 3, r"3\.\d down"),
        (0, -3, r"3\.\d up"),
        (2, -2, r"2\.\d right, 2\.\d up"),
        (1, 0, r"1\.\d right"),
        (8, 0, r"(7|8)\.\d right"),
    ],
)
def test_a_shift_is_told_by_how_much(view: BoardView, right: int, down: int, said: str) -> None:
    board = seen()
    for picture in (board["rgb"], lit_and_noisy(board["rgb"], np.random.default_rng(1))):
        told = words(view, board, moved(picture, right, down))
        assert re.search(said, told), told
        assert "set the camera back" in told


@pytest.mark.parametrize(
    ("camera", "said"),
    [
        (replace(BOARD, focal=1.6), "another size"),
        (replace(BOARD, position=(0.46, 0.0, 0.76)), "another size"),
        (REFERENCE, "another size"),
    ],
)
def test_another_camera_is_told(view: BoardView, camera: Camera, said: str) -> None:
    assert said in words(view, seen(camera))


def test_another_board_s_colour_is_told(view: BoardView) -> None:
    board = seen()
    assert "off in colour" in words(view, board, green(board["rgb"], np.random.default_rng(0)))
    warm = (board["rgb"] * np.array([1.0, 0.93, 0.8])).astype(np.uint8)
    assert "off in colour" in words(view, board, warm)
    assert "light of" in words(view, board, (board["rgb"] * 0.3).astype(np.uint8))


@pytest.mark.parametrize("seed", range(12))
def test_a_hand_is_said_to_be_one(view: BoardView, seed: int) -> None:
    board, rng = seen(seed=SEEDS[seed % 4]), np.random.default_rng(seed)
    assert "something covers the board" in words(view, board, with_hand(board["rgb"], rng))


def test_a_hand_over_most_of_the_board_is_no_other_camera(view: BoardView) -> None:
    board = seen()
    near = board["rgb"].copy()
    near[:, :90] = (198, 134, 98)
    assert "something covers the board" in words(view, board, near)


@pytest.mark.parametrize("spoil", [mirrored, upside_down])
def test_the_pusher_is_where_the_robot_says(view: BoardView, spoil: Any) -> None:
    board = seen()
    fault = view._as_drawn(np.ascontiguousarray(spoil(board["rgb"], np.random.default_rng(0))),
                           np.array(board["effector_translation"], float))  # fmt: skip
    assert fault is not None
    assert view._as_drawn(board["rgb"], np.array(board["effector_translation"], float)) is None


def test_what_is_no_board_is_not_taken_for_one(view: BoardView) -> None:
    board, rng = seen(), np.random.default_rng(0)
    assert "noise" in words(view, board, rng.integers(0, 256, view.shape).astype(np.uint8))
    slope = np.linspace(20, 240, 128)[None, :, None].repeat(96, 0).repeat(3, 2).astype(np.uint8)
    assert words(view, board, slope)
    assert "[96, 128, 3]" in words(view, board, board["rgb"][:90])


def test_edges_that_nothing_shows_say_nothing() -> None:
    edges = BoardEdges(BOARD, np.full((96, 128, 3), 90.0, np.float32))
    assert edges.align(np.zeros((96, 128, 3), np.uint8)).agree == 0


class _Counting:
    """A view that counts, and finds what it is told to."""

    def __init__(self) -> None:
        self.looked, self.finds = 0, None

    def fault(self, observation: Observation) -> Any:
        self.looked += 1
        return self.finds


def _watched() -> tuple[_Counting, CameraWatch, list[float], Callable[[], None]]:
    view, now, frame = _Counting(), [0.0], [0]
    watch = CameraWatch(clock=lambda: now[0], view=view)

    def look() -> None:
        frame[0] += 1
        picture = np.random.default_rng(frame[0]).integers(0, 256, (8, 10, 3)).astype(np.uint8)
        watch.check({"rgb": picture, "effector_target_translation": np.zeros(2)})

    return view, watch, now, look


def test_the_view_is_looked_at_first_and_every_few_seconds() -> None:
    view, watch, now, look = _watched()
    look()
    look()
    assert view.looked == 1
    now[0] = 2.1
    look()
    look()
    assert view.looked == 2
    for _ in range(watch.config.view_pictures):  # simulated time may run faster
        look()
    assert view.looked == 3
    watch.reset()
    look()
    assert view.looked == 4


def test_a_view_at_fault_holds_until_it_is_good() -> None:
    view, _, now, look = _watched()
    look()
    now[0], view.finds = 2.1, ("a board", "none", "look")  # type: ignore[assignment]
    for _ in range(3):
        with pytest.raises(CameraError, match="expected a board, got none; nothing was sent; look"):
            look()
    assert view.looked == 4
    view.finds = None
    look()
    look()
    assert view.looked == 5
