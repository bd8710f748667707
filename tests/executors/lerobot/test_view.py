"""A camera that shows something else than the dataset's is refused with the reason; the same one is not."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from executors.lerobot.view import DatasetView
from tasks.tabletop.world import board
from tasks.tabletop.world.env import TabletopEnv


@pytest.fixture(scope="module")
def boards() -> NDArray[np.uint8]:
    """Twelve boards through one camera."""
    env = TabletopEnv(None, blocks=board.BLOCK_8)
    pictures = [np.array(env.reset(seed=seed)[0]["rgb"]) for seed in range(12)]
    env.close()
    return np.stack(pictures)


@pytest.fixture(scope="module")
def view(boards: NDArray[np.uint8]) -> DatasetView:
    return DatasetView(boards[:8], np.arange(8))


def resized(picture: NDArray[np.uint8], box: tuple[int, int, int, int]) -> NDArray[np.uint8]:
    size = picture.shape[1], picture.shape[0]
    return np.asarray(Image.fromarray(picture).resize(size, Image.Resampling.BILINEAR, box=box))


def test_other_boards_through_the_same_camera_pass(view: DatasetView, boards: NDArray[np.uint8]) -> None:
    for picture in boards[8:]:
        found = view.compare(picture)
        assert found.refused == "" and found.differences == [], found
        assert view.fault({"rgb": picture}) is None


def test_what_differs_is_named(view: DatasetView, boards: NDArray[np.uint8]) -> None:
    picture = boards[9]
    dark = (picture * 0.75).astype(np.uint8)
    assert any(one.startswith("light: -") for one in view.compare(dark).differences)
    assert view.compare(dark).refused == ""
    red = picture.astype(float)
    red[..., 0] = np.minimum(red[..., 0] * 1.9, 255)
    assert any("red" in one and "colour: +" in one for one in view.compare(red.astype(np.uint8)).differences)


@pytest.mark.parametrize(("times", "said"), [(1.4, "only 71%"), (0.7, "1.4 times as much")])
def test_the_field_of_view_is_named_where_the_scene_has_marks(times: float, said: str) -> None:
    """A room with things of its own, in which something small goes about."""
    rng = np.random.default_rng(1)
    room = Image.fromarray(rng.integers(0, 255, (12, 16, 3)).astype(np.uint8)).resize((256, 192), 2)
    shots = []
    for episode in range(8):
        shot = np.array(room)
        shot[20 * episode : 20 * episode + 12, 90:102] = 255
        shots.append(shot[48:144, 64:192])
    view = DatasetView(np.stack(shots), np.arange(8))
    assert view.compare(shots[3]).differences == []
    half = np.array([64, 48]) / times
    box = (int(128 - half[0]), int(96 - half[1]), int(128 + half[0]), int(96 + half[1]))
    seen = np.asarray(room.resize((128, 96), Image.Resampling.BILINEAR, box=box))
    assert [one for one in view.compare(seen).differences if one.startswith("field of view")] == [
        f"field of view: it shows {said} of the scene"
    ]


@pytest.mark.parametrize("change", ["upside down", "another place", "dark", "noise"])
def test_something_else_is_refused(change: str, view: DatasetView, boards: NDArray[np.uint8]) -> None:
    picture = boards[10]
    other = {
        "upside down": picture[::-1, ::-1],
        "another place": resized(picture, (24, 18, 104, 78)),
        "dark": (picture * 0.25).astype(np.uint8),
        "noise": np.random.default_rng(0).integers(0, 255, picture.shape).astype(np.uint8),
    }[change]
    fault = view.fault({"rgb": other})
    assert fault is not None and "dataset was recorded with" in fault[0]
    if change in ("upside down", "dark"):
        assert {"upside down": "upside down", "dark": "darker"}[change] in fault[1]
