"""Exposure: pictures in a light that was not learned in are brought to one that was, all others stay."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from video.latent.exposure import MOST, Exposure, mean_colors
from video.latent.store import pack

PICTURES = np.random.default_rng(0).integers(40, 160, (6, 2, 96, 128, 3)).astype(np.uint8)
MEANS = mean_colors(PICTURES).reshape(-1, 3)
KNOWN = Exposure(tuple(MEANS.min(0)), tuple(MEANS.max(0)))


def test_a_light_that_is_known_changes_nothing() -> None:
    assert KNOWN(PICTURES) is PICTURES
    assert KNOWN(frame := PICTURES[0, 0]) is frame


def test_the_range_leaves_out_what_is_rare() -> None:
    found = Exposure.measured(np.concatenate([np.full((999, 3), 100.0), [[0.0, 200.0, 255.0]]]))
    assert found == Exposure((100.0,) * 3, (100.0,) * 3)


@pytest.mark.parametrize("light", [(0.8, 0.8, 0.8), (1.2, 1.2, 1.2), (0.7, 0.9, 1.1)])
def test_another_light_is_made_good_colour_by_colour(light: tuple[float, ...]) -> None:
    seen = (PICTURES * np.array(light)).round().astype(np.uint8)
    again = KNOWN(seen)
    assert again.dtype == np.uint8 and again.shape == seen.shape
    assert np.abs(again.astype(int) - PICTURES).mean() < 0.1 * np.abs(seen.astype(int) - PICTURES).mean()


def test_each_picture_has_its_own_light() -> None:
    seen = PICTURES.copy()
    seen[2] = seen[2] * 0.7
    again = KNOWN(seen)
    assert mean_colors(again[2]).mean() == pytest.approx(mean_colors(PICTURES[2]).mean(), rel=0.02)
    assert np.abs(again[3].astype(int) - PICTURES[3]).max() <= 2


def test_what_is_too_dark_is_not_made_bright() -> None:
    assert KNOWN(PICTURES // 8).mean() < MOST * (PICTURES // 8).mean() + 1
    assert not KNOWN(np.zeros_like(PICTURES)).any()


def test_a_range_is_told_and_read() -> None:
    assert Exposure.read(KNOWN.as_dict()) == KNOWN and Exposure.read(None) is None
    for wrong in ({"low": [1, 2], "high": [3, 4]}, {"low": [9, 9, 9], "high": [3, 4, 5]}):
        with pytest.raises(ValueError, match="expected a range of three colours"):
            Exposure.read(wrong)
    wide = KNOWN.widened(Exposure((0.0, 300.0, 0.0), (1.0, 310.0, 200.0)))
    assert wide.low == (0.0, KNOWN.low[1], 0.0) and wide.high == (KNOWN.high[0], 310.0, 200.0)


def test_a_store_knows_the_light_of_its_pictures(squares: Path, tmp_path: Path) -> None:
    store = pack([squares], tmp_path / "store", report=lambda _: None)
    assert store.exposure == Exposure.measured(mean_colors(np.asarray(store.frames)))
