"""Pictures that are moved about, on numbers that tell where they came from."""

from __future__ import annotations

import numpy as np
import torch

from video.latent.moving import MOST, moved_about


def test_a_clip_is_moved_as_a_whole_and_no_further_than_it_may() -> None:
    rows, columns = torch.meshgrid(torch.arange(6.0), torch.arange(8.0), indexing="ij")
    place = torch.stack([rows, columns])
    clips = place.expand(64, 3, 2, 6, 8).clone()
    moved = moved_about(clips, np.random.default_rng(0))
    assert moved.shape == clips.shape
    ways = moved[..., MOST:-MOST, MOST:-MOST] - clips[..., MOST:-MOST, MOST:-MOST]
    assert torch.equal(ways, ways[:, :1, :, :1, :1].expand_as(ways)), "all frames and cells alike"
    seen = {tuple(way) for way in ways[:, 0, :, 0, 0].tolist()}
    assert seen == {(row, column) for row in (-1, 0, 1) for column in (-1, 0, 1)}
    assert moved.min() == 0 and moved[:, :, 1].max() == 7, "nothing comes from beyond the edge"
