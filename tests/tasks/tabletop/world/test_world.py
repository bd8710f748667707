"""The PyBullet world and its cameras: what is drawn is where the numbers say, worlds keep apart."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tasks.tabletop.goals import MakeLine
from tasks.tabletop.world.board import BLOCK_4, BLOCK_8, BLOCK_HEIGHT, BOARD_CENTER, COLORS, SHAPES
from tasks.tabletop.world.camera import BOARD, CAMERAS, REFERENCE, Camera
from tasks.tabletop.world.layout import Layout, random_layout, row_layout
from tasks.tabletop.world.shapes import outline, prism, symmetry
from tasks.tabletop.world.world import ClosedError, World

SIZES = {"board": (192, 256), "reference": (180, 320)}
AWAY = (0.55, 0.28)
"""Where the pusher hides nothing."""
FOOTPRINTS = {
    "cube": (0.0397, 0.0397),
    "moon": (0.0525, 0.0257),
    "pentagon": (0.0444, 0.0413),
    "star": (0.0444, 0.0408),
}


@pytest.fixture
def world() -> Iterator[World]:
    made = World()
    yield made
    made.close()


def mask_of(picture: NDArray[np.uint8], color: str) -> NDArray[np.bool_]:
    """Where a picture [H, W, 3] shows a block's colour."""
    red, green, blue = np.moveaxis(picture.astype(int), -1, 0)
    masks = {
        "red": (red > 90) & (green < 70) & (blue < 80),
        "blue": (blue > 110) & (red < 80) & (green < 110),
        "green": (green > 80) & (red < 70) & (blue < 90),
        "yellow": (red > 120) & (green > 90) & (blue < 70),
    }
    return np.asarray(masks[color])


def middle(mask: NDArray[np.bool_]) -> NDArray[np.float64]:
    """The mean (column, row) of a mask."""
    rows, columns = np.nonzero(mask)
    assert len(rows) > 10, "expected the block in the picture"
    return np.array([columns.mean(), rows.mean()])


def drawn_at(world: World, camera: Camera, name: str, xy: Sequence[float]) -> NDArray[np.float64]:
    """Where a lone block appears, (column, row)."""
    world.camera = camera
    world.place({name: (*xy, 0.0)}, AWAY)
    return middle(mask_of(world.render(*SIZES[camera.name]), name.split("_")[0]))


@pytest.mark.parametrize("camera", CAMERAS.values(), ids=CAMERAS)
@pytest.mark.parametrize("xy", [(0.2, -0.2), (0.2, 0.2), BOARD_CENTER, (0.5, -0.2), (0.5, 0.1)])
def test_projection_agrees_with_the_picture(world: World, camera: Camera, xy: tuple[float, float]) -> None:
    seen = drawn_at(world, camera, "red_cube", xy)
    height, width = SIZES[camera.name]
    # Top and the side that faces the camera are seen: the middle lies between the two heights.
    top = camera.project(np.array([*xy, BLOCK_HEIGHT]), height, width)
    base = camera.project(np.array([*xy, 0.0]), height, width)
    low, high = np.minimum(top, base) - 2.5, np.maximum(top, base) + 2.5
    assert (low < seen).all() and (seen < high).all(), (seen, top, base)
    picture = world.render(height, width)
    column, row = np.round(top).astype(int)
    assert mask_of(picture, "red")[row, column]


@pytest.mark.parametrize("camera", CAMERAS.values(), ids=CAMERAS)
def test_directions_in_the_picture(world: World, camera: Camera) -> None:
    x, y = BOARD_CENTER
    center = drawn_at(world, camera, "red_cube", (x, y))
    up = drawn_at(world, camera, "red_cube", (x - 0.1, y))
    down = drawn_at(world, camera, "red_cube", (x + 0.1, y))
    left = drawn_at(world, camera, "red_cube", (x, y - 0.1))
    right = drawn_at(world, camera, "red_cube", (x, y + 0.1))
    assert up[1] < center[1] - 10 < center[1] + 10 < down[1]
    assert left[0] < center[0] - 10 < center[0] + 10 < right[0]
    np.testing.assert_allclose([up[0], down[0], left[1] - right[1]], [center[0], center[0], 0], atol=1)


@pytest.mark.parametrize("color", COLORS)
def test_every_color_is_told_apart(world: World, color: str) -> None:
    world.place({f"{color}_cube": (0.35, 0.0, 0.0)}, AWAY)
    picture = world.render(192, 256)
    assert [other for other in COLORS if mask_of(picture, other).sum() > 20] == [color]


@pytest.mark.parametrize("camera", CAMERAS.values(), ids=CAMERAS)
def test_the_homography_undoes_the_projection(camera: Camera) -> None:
    points = np.array([[0.2, -0.2, BLOCK_HEIGHT], [0.5, 0.1, BLOCK_HEIGHT], [0.35, 0.0, BLOCK_HEIGHT]])
    pixels = camera.project(points, 96, 128)
    back = np.concatenate([pixels, np.ones((3, 1))], 1) @ camera.plane_homography(96, 128).T
    np.testing.assert_allclose(back[:, :2] / back[:, 2:], points[:, :2], atol=1e-9)


def test_the_reference_camera_is_the_references() -> None:
    assert REFERENCE.position == (0.75, 0.0, 0.5) and REFERENCE.pitch == 54.0
    assert REFERENCE.focal * 180 == pytest.approx(256.96)
    assert BOARD.project(np.array([*BOARD_CENTER, 0.0]), 96, 128)[0] == pytest.approx(64)


@pytest.mark.parametrize("shape", SHAPES)
def test_footprints(shape: str) -> None:
    points = outline(shape)
    size = points.max(0) - points.min(0)
    width, depth = FOOTPRINTS[shape]
    np.testing.assert_allclose(size, (depth, width), atol=1e-9)
    mesh = prism(shape)
    assert np.ptp(mesh.vertices[:, 2]) == pytest.approx(BLOCK_HEIGHT)
    assert mesh.indices.max() < len(mesh.vertices) == len(mesh.normals)
    np.testing.assert_allclose(np.linalg.norm(mesh.normals, axis=1), 1.0)
    assert symmetry(shape) in (1, 4, 5)
    with pytest.raises(ValueError, match="expected a shape"):
        outline("sphere")


def test_only_the_blocks_in_use_are_loaded(world: World) -> None:
    rng = np.random.default_rng(0)
    world.place(*random_layout(rng))
    assert set(world.names) == set(BLOCK_8)
    world.place(*random_layout(rng, BLOCK_4))
    assert set(world.names) == set(BLOCK_4)


def test_layouts_keep_apart_and_say_when_blocks_do_not_fit() -> None:
    blocks, effector = random_layout(np.random.default_rng(0))
    points = np.array([*(pose[:2] for pose in blocks.values()), effector])
    gaps = np.linalg.norm(points[:, None] - points[None], axis=-1) + np.eye(len(points))
    assert gaps.min() > 0.062
    with pytest.raises(ValueError, match="expected blocks that fit"):
        random_layout(np.random.default_rng(0), gap=0.5)


@pytest.mark.parametrize(("line", "across", "middle"), [("vertical", 1, 0.0), ("horizontal", 0, 0.375)])
def test_rows_are_crowded_but_keep_apart(line: str, across: int, middle: float) -> None:
    rewards = []
    for seed in range(20):
        blocks, effector = row_layout(np.random.default_rng(seed), line)
        centers = {name: np.array(pose[:2]) for name, pose in blocks.items()}
        points = np.array([*centers.values(), effector])
        gaps = np.linalg.norm(points[:, None] - points[None], axis=-1) + np.eye(len(points))
        assert set(blocks) == set(BLOCK_8) and gaps.min() > 0.045
        near = [abs(xy[across] - middle) < 0.064 for xy in centers.values()]  # four deviations
        assert sum(near) >= 3
        rewards.append(MakeLine(line).reward(centers))
    assert 0.3 < np.mean(rewards) < 0.9
    with pytest.raises(ValueError, match="expected blocks that fit"):
        row_layout(np.random.default_rng(0), line, gap=0.5)


def test_blocks_rest_where_they_are_put(world: World) -> None:
    layout = random_layout(np.random.default_rng(1))
    world.place(*layout)
    for _ in range(10):
        world.step(layout[1])
    for name, pose in world.poses().items():
        np.testing.assert_allclose(pose[:2], layout[0][name][:2], atol=1e-3)
    np.testing.assert_allclose(world.effector(), layout[1], atol=1e-3)
    assert not world.lost()


def test_a_block_over_the_edge_is_lost(world: World) -> None:
    world.place({"red_cube": (0.35, 0.33, 0.0), "blue_cube": (0.35, 0.0, 0.0)}, (0.35, 0.27))
    for y in np.linspace(0.27, 0.34, 8):
        world.step((0.35, float(y)))
    for _ in range(5):
        world.step((0.35, 0.34))
    assert world.lost() == {"red_cube"}


def trace(world: World, layout: Layout, steps: int) -> list[dict[str, tuple[float, float, float]]]:
    """Sweep the pusher through the blocks; the poses after each step."""
    world.place(*layout)
    seen = []
    for step in range(steps):
        world.step((0.35 + 0.1 * np.sin(step / 4), layout[1][1] + 0.012 * step - 0.2))
        seen.append(world.poses())
    return seen


def test_a_cleared_world_moves_like_a_new_one() -> None:
    first, second = random_layout(np.random.default_rng(2)), random_layout(np.random.default_rng(3), BLOCK_4)
    used, fresh = World(), World()
    trace(used, first, 25)
    used.clear()
    assert used.names == ()
    assert trace(used, second, 25) == trace(fresh, second, 25)
    used.close()
    fresh.close()


def test_restoring_again_and_again_gives_the_same(world: World) -> None:
    trace(world, random_layout(np.random.default_rng(4)), 12)
    saved = world.save()
    futures = []
    for extra in (0, 3, 1):
        for _ in range(extra):
            world.step((0.5, 0.2))
        world.restore(saved)
        poses = []
        for step in range(20):
            world.step((0.3, 0.02 * step - 0.1))
            poses.append(world.poses())
        futures.append(poses)
    assert futures[0] == futures[1] == futures[2]


def test_closing_twice_is_harmless() -> None:
    made = World()
    made.close()
    made.close()


def test_a_closed_world_says_so_and_changes_nothing() -> None:
    """Every public method, those to come too."""
    world = World()
    world.place({"red_moon": (0.3, 0.1, 0.5)}, (0.4, 0.0))
    asked: dict[str, tuple[Any, ...]] = {
        "place": ({}, (0.2, 0.0)),
        "step": ((0.2, 0.1),),
        "restore": (world.save(),),
    }
    world.close()
    world.close()
    before = dict(vars(world))
    for name, member in vars(World).items():
        if name.startswith("_") or name == "close" or not (callable(member) or isinstance(member, property)):
            continue
        with pytest.raises(ClosedError, match=f"{name}: expected an open world, got one that was closed"):
            getattr(world, name)(*asked.get(name, ()))
    assert vars(world) == before
