"""Reading places off heatmaps; pictures of heaps."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from tasks.tabletop.demos.pictures import record_pictures
from tasks.tabletop.seeing.encoder import RADIUS, Remembering, SlotEncoder, distinct
from tasks.tabletop.seeing.slots import SLOTS, places


def test_a_block_half_taken_for_another_is_read_where_it_is_seen_most() -> None:
    encoder = SlotEncoder(channels=8)
    cells = len(encoder.grid)
    here, there = 400, 404  # four strides, 16 pixels, apart in a row
    heat = torch.full((1, SLOTS, cells + 1), 1e-9)
    heat[..., here], heat[..., there] = 0.6, 0.35
    maps = torch.zeros(1, SLOTS, 4, cells)
    alone = torch.full_like(heat, 1e-9)
    alone[..., here] = 0.95
    want = encoder.read(alone.log(), maps)
    near, mean = encoder.read(heat.log(), maps, RADIUS), encoder.read(heat.log(), maps)
    assert torch.allclose(near[..., 1:3], want[..., 1:3], atol=1e-3)
    assert float((mean[..., 1:3] - want[..., 1:3]).norm(dim=-1).min()) > 0.05
    assert torch.allclose(near[..., 0], mean[..., 0])
    assert float(near[0, 0, 0]) == pytest.approx(0.95, abs=0.01)


def test_pictures_of_heaps_hold_touching_blocks_inside_the_view(tmp_path: Path) -> None:
    with np.load(record_pictures(tmp_path / "a.npz", 890_002, 24, [])) as data:
        pictures, truth = data["pictures"], data["slots"]
    assert pictures.shape == (24, 96, 128, 3) and truth.shape == (24, SLOTS, 5)
    where, there = places(truth)[:, :-1], truth[:, :-1, 0] > 0.5
    nearest = []
    for xy, present in zip(where, there, strict=True):
        gaps = np.linalg.norm(xy[present][:, None] - xy[present][None], axis=-1)
        nearest.append(float((gaps + np.eye(len(gaps))).min()))
    assert min(nearest) > 0.03 and sum(gap < 0.05 for gap in nearest) >= 6


class Counting:
    """An eye that sees each frame's first pixel, and counts the frames."""

    def __init__(self) -> None:
        self.looked = 0

    def see(self, frames: np.ndarray) -> np.ndarray:
        self.looked += len(frames)
        return np.broadcast_to(frames[:, 0, 0, :1, None], (len(frames), SLOTS, 5)).astype(np.float32)


def test_frames_that_were_seen_lately_are_not_looked_at_again() -> None:
    inner = Counting()
    eye = Remembering(inner, most=3)
    frames = np.arange(6, dtype=np.uint8)[:, None, None, None].repeat(3, axis=-1)
    assert eye.see(frames[[0, 1, 0]])[:, 0, 0].tolist() == [0, 1, 0] and inner.looked == 2
    assert eye.see(frames[[2, 0]])[:, 0, 0].tolist() == [2, 0] and inner.looked == 3
    # The one that was asked for longest ago is forgotten; more than are kept are seen all the same.
    assert eye.see(frames[[3, 0]])[:, 0, 0].tolist() == [3, 0] and inner.looked == 4
    assert eye.see(frames)[:, 0, 0].tolist() == [0, 1, 2, 3, 4, 5] and inner.looked == 7


def test_distinct_frames_and_the_way_back() -> None:
    frames = np.array([5, 3, 5, 9, 3], np.uint8)[:, None, None, None]
    unique, back = distinct(frames)
    assert unique[:, 0, 0, 0].tolist() == [5, 3, 9] and (unique[back] == frames).all()
