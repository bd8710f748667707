"""What is kept of a dataset: pictures, or where nothing looks at them what an autoencoder sees in them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tasks.data.layout import DatasetError
from tests.video.latent.conftest import failing, write
from tests.video.latent.test_corrected import SIZES
from video.latent import autoencoder
from video.latent.asked import WorldTraining
from video.latent.autoencoder import encode
from video.latent.corrected import corrections
from video.latent.growing import GrowingArray
from video.latent.latents import Latents, SeenLatents
from video.latent.run import train_world
from video.latent.store import pack


def quiet(_: str) -> None:
    """No report."""


def test_an_array_grows_and_is_read_as_any_other(tmp_path: Path) -> None:
    rows = np.random.default_rng(0).integers(0, 255, (1003, 2, 3), np.uint8)
    grown = GrowingArray(tmp_path / "rows.npy")
    for part in np.split(rows, [0, 1, 9, 99, 1000]):
        grown.add(part)
    grown.close()
    np.testing.assert_array_equal(np.load(tmp_path / "rows.npy", mmap_mode="r"), rows)


def test_latents_are_the_same_where_pictures_are_not_kept(squares: Path, tmp_path: Path) -> None:
    eye = autoencoder.build(SIZES)
    shown = pack([squares], tmp_path / "shown", report=quiet)
    kept = tmp_path / "latents"
    unshown = pack(
        [squares], tmp_path / "seen", report=quiet, see=lambda: SeenLatents(eye, kept), pictures=False
    )
    assert len(unshown) == len(shown) and unshown.frames.shape == shown.frames.shape
    assert not (tmp_path / "seen" / "frames.npy").exists()
    every = np.arange(len(shown))
    assert torch.equal(Latents(eye, unshown, kept)[every], Latents(eye, shown)[every])
    assert torch.equal(Latents(eye, unshown, kept)[every[:1]], encode(eye, shown.frames[:1]).bfloat16())
    with pytest.raises(
        DatasetError, match=r"expected pictures in .*seen, got what an autoencoder saw in them"
    ):
        pack([squares], tmp_path / "seen", report=quiet)
    with pytest.raises(DatasetError, match=r"expected latents of this autoencoder in .*, got another's"):
        Latents(other(eye), unshown, kept)


def other(eye: Any) -> Any:
    """One that sees otherwise."""
    changed = autoencoder.build(SIZES)
    changed.load_state_dict({name: value + 0.01 for name, value in eye.state_dict().items()})
    return changed


def test_packing_that_was_broken_off_begins_anew(
    squares: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    eye, kept = autoencoder.build(SIZES), tmp_path / "latents"
    add = SeenLatents.add
    with monkeypatch.context() as patched:
        patched.setattr(SeenLatents, "add", lambda self, rows: add(self, rows) or 1 / 0)
        with pytest.raises(ZeroDivisionError):
            pack([squares], tmp_path / "seen", report=quiet, see=lambda: SeenLatents(eye, kept))
    store = pack(
        [squares], tmp_path / "seen", report=quiet, see=lambda: SeenLatents(eye, kept), pictures=False
    )
    assert len(store) == 8 * 24 == len(Latents(eye, store, kept)[np.arange(len(store))])


def test_corrections_are_seen_anew_by_an_autoencoder_that_learned_on(squares: Path, tmp_path: Path) -> None:
    store, eye = pack([squares], tmp_path / "store", report=quiet), autoencoder.build(SIZES)
    _, before = corrections([squares], tmp_path, eye, store, report=quiet)
    changed = other(eye)
    _, after = corrections([squares], tmp_path, changed, store, report=quiet)
    some = np.arange(4)
    assert torch.equal(after[some], Latents(changed, store)[some]) and not torch.equal(
        before[some], after[some]
    )


def test_a_training_from_weights_keeps_no_pictures(squares: Path, tmp_path: Path) -> None:
    """And learns the same; a part that looks at them says that they are missing."""
    first = WorldTraining(
        data=[squares], folder=tmp_path / "first", config=SIZES, minutes=5, whole=False,
        autoencoder_minutes=5, autoencoder_steps=2, sketch_minutes=5, sketch_steps=2,
    )  # fmt: skip
    train_world(first, quiet)
    on = replace(
        first, data=[failing(write(tmp_path / "half"))], folder=tmp_path / "on", autoencoder_minutes=0,
        start=tmp_path / "first" / "weights",
    )  # fmt: skip
    assert not on.looks and replace(on, rolling_minutes=1).looks and first.looks
    bare = train_world(on, quiet)
    train_world(replace(on, start=None, sketch_minutes=0), quiet)  # called again, it goes on
    assert not (tmp_path / "on" / "store" / "frames.npy").exists()
    with pytest.raises(DatasetError, match="expected pictures in"):
        train_world(replace(on, rolling_minutes=5, rolling_steps=1), quiet)
    pack(on.data, tmp_path / "shown" / "store", report=quiet)
    shown = train_world(replace(on, folder=tmp_path / "shown"), quiet)
    same = zip(bare.prior.parameters(), shown.prior.parameters(), strict=True)
    assert all(torch.equal(one, two) for one, two in same)
