"""Neither the pusher nor the block that moves goes through a block of an imagined board."""

from __future__ import annotations

import itertools

import numpy as np
import torch

from tasks.tabletop.seeing.slots import PUSHER, SLOTS, from_poses, places
from tasks.tabletop.world.board import KINDS
from video.tabletop.contact import PUSHER_RADIUS, RADIUS, set_apart

TOUCH = RADIUS["cube"] + PUSHER_RADIUS


def _board(pusher: tuple[float, float], **blocks: tuple[float, float]) -> torch.Tensor:
    poses = np.full((len(KINDS), 3), np.nan, np.float32)
    for name, (x, y) in blocks.items():
        poses[KINDS.index(name)] = (x, y, 0.0)
    return torch.from_numpy(from_poses(poses, np.array(pusher, np.float32)))


def test_a_pusher_in_a_block_is_set_apart_to_its_rim_and_all_else_stays() -> None:
    board = _board((0.34, 0.01), red_cube=(0.35, 0.0), blue_moon=(0.2, 0.1))
    after = set_apart(board[None], board[None, None])[0, 0]
    where = places(after.numpy())
    cube = where[KINDS.index("red_cube")]
    assert np.isclose(np.linalg.norm(where[PUSHER] - cube), TOUCH, atol=1e-5)
    assert where[PUSHER][0] < 0.35 and where[PUSHER][1] > 0  # out the way that it stood
    assert torch.equal(after[:PUSHER], board[:PUSHER]) and after.shape == (SLOTS, 5)


def test_a_pusher_that_touches_nothing_stays() -> None:
    board = _board((0.30, 0.01), red_cube=(0.35, 0.0))
    assert torch.allclose(set_apart(board[None], board[None, None]), board[None, None])
    # Where a block is absent its slot is zero, which is a place in the middle of the board.
    alone = _board((0.35, 0.001))
    assert torch.allclose(set_apart(alone[None], alone[None, None]), alone[None, None])


def test_in_the_middle_of_a_block_that_moves_it_goes_behind() -> None:
    first = _board((0.35, -0.1), red_cube=(0.35, 0.0))
    clip = _board((0.35, 0.1), red_cube=(0.35, 0.1))
    where = places(set_apart(first[None], clip[None, None])[0, 0].numpy())
    assert where[PUSHER][1] < 0.1 - 0.9 * TOUCH


def test_out_of_one_block_it_does_not_go_into_the_next() -> None:
    board = _board((0.36, 0.025), red_cube=(0.35, 0.0), blue_cube=(0.35, 0.06))
    where = places(set_apart(board[None], board[None, None])[0, 0].numpy())
    gaps = [np.linalg.norm(where[PUSHER] - where[KINDS.index(name)]) for name in ("red_cube", "blue_cube")]
    assert min(gaps) > TOUCH - 0.004


def test_a_block_that_moves_is_set_back_from_the_one_it_is_pushed_to() -> None:
    first = _board((0.35, -0.2), red_cube=(0.35, -0.1), blue_cube=(0.35, 0.1), green_star=(0.2, 0.2))
    clip = _board((0.35, 0.03), red_cube=(0.35, 0.08), blue_cube=(0.352, 0.1), green_star=(0.203, 0.2))
    both = set_apart(torch.stack([first, first]), torch.stack([torch.stack([first, first, clip])] * 2))
    assert torch.allclose(both[:, :2], first.expand(2, 2, -1, -1), atol=1e-6) and torch.equal(*both)
    after = both[0, 2]
    where = places(after.numpy())
    red, blue, star = (KINDS.index(name) for name in ("red_cube", "blue_cube", "green_star"))
    assert np.isclose(np.linalg.norm(where[red] - where[blue]), 2 * RADIUS["cube"], atol=1e-4)
    assert where[red][1] < 0.08  # back to where it came from
    assert np.linalg.norm(where[PUSHER] - where[red]) > TOUCH - 1e-4
    assert torch.equal(after[[blue, star]], clip[[blue, star]])


def test_blocks_seen_in_contact_at_the_start_stay_as_near() -> None:
    first = _board((0.5, 0.2), red_cube=(0.35, 0.0), blue_cube=(0.35, 0.036), red_moon=(0.2, 0.0))
    clip = _board((0.5, 0.2), red_cube=(0.35, 0.0), blue_cube=(0.35, 0.036), red_moon=(0.25, 0.0))
    assert torch.allclose(set_apart(first[None], clip[None, None])[0, 0], clip, atol=1e-6)


def _on_the_way(*xs: float) -> tuple[np.ndarray, np.ndarray]:
    """Where a cube is that goes along y = -0.2 .. 0.2, off by x - 0.35 from what stands in the middle, before
    and after."""
    first = _board((0.5, 0.25), red_cube=(0.35, -0.2), blue_cube=(0.35, 0.0))
    ys = np.linspace(-0.2, 0.2, len(xs) + 1)[1:]
    clip = [
        _board((0.5, 0.25), red_cube=(x, float(y)), blue_cube=(0.35, 0.0))
        for x, y in zip(xs, ys, strict=True)
    ]
    after = places(set_apart(first[None], torch.stack(clip)[None])[0].numpy())
    whole = np.concatenate([places(first.numpy())[None], after])
    assert np.allclose(whole[:, KINDS.index("blue_cube")], (0.35, 0.0), atol=1e-6)
    return np.stack([np.array(xs), ys], 1), whole[:, KINDS.index("red_cube")]


def test_a_block_goes_round_what_is_in_its_way() -> None:
    for xs in ((0.36, 0.36, 0.36, 0.36), (0.35, 0.36, 0.35)):  # the second jumps over it between two frames
        asked, way = _on_the_way(*xs)
        fine = np.concatenate([np.linspace(a, b, 50) for a, b in itertools.pairwise(way)])
        assert np.linalg.norm(fine - (0.35, 0.0), axis=1).min() > 0.75 * 2 * RADIUS["cube"]
        assert np.allclose(way[-1], asked[-1], atol=1e-5) and way[1:-1, 0].max() > 0.36


def test_a_way_that_is_free_stays() -> None:
    asked, way = _on_the_way(0.42, 0.42, 0.42, 0.42)
    assert np.allclose(way[1:], asked, atol=1e-6)
