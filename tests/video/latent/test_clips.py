"""Which moments clips begin at, and what of them is told: successes, until they are done."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.video.latent.conftest import half_failed, two_subgoals
from tests.video.latent.test_latent import SMALL
from video.latent import text
from video.latent.clips import LatentClips
from video.latent.ends import AT_END
from video.latent.store import FrameStore


class Marked:
    """Latents that hold their frame's number."""

    def __init__(self, store: FrameStore) -> None:
        self._count = len(store)

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, index: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(index).float()[..., None, None, None].expand(*index.shape, 2, 1, 1)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> FrameStore:
    return two_subgoals(half_failed(tmp_path_factory.mktemp("clips")))


@pytest.fixture(scope="module")
def clips(store: FrameStore) -> LatentClips:
    return LatentClips(store, Marked(store), text.learn(store.texts), SMALL)


def begun(clips: LatentClips, batch: dict[str, torch.Tensor]) -> np.ndarray:
    """The first frames of clips, by what `Marked` says."""
    scale = clips.scale
    first = batch["latents"][:, 0] * scale.latent_std + scale.latent_mean
    return first[:, 0, 0, 0].round().long().numpy()


def test_words_are_told_of_successes_alone(store: FrameStore, clips: LatentClips) -> None:
    """A robot that is stuck for as long as it may be is not what is likely done of its words."""
    good = np.repeat(store.success, store.stop - store.start)
    batches = clips.batches(64, 0)
    told, silent = set[int](), set[int]()
    for _ in range(30):
        batch = next(batches)
        said = (batch["words"] != 0).any(1).numpy()
        told |= set(begun(clips, batch)[said].tolist())
        silent |= set(begun(clips, batch)[~said].tolist())
    assert good[list(told)].all()
    assert not good[list(silent)].all(), "video is learned from failures, too"
    failed = FrameStore(**{**vars(store), "success": np.zeros_like(store.success)})
    nothing_else = LatentClips(failed, Marked(store), text.learn(store.texts), SMALL)
    assert (next(nothing_else.batches(64, 0))["words"] != 0).any(1).sum() > 32


def test_clips_begin_until_all_is_done_and_rest_is_not_told(store: FrameStore, clips: LatentClips) -> None:
    """What is seen just before the end is learned from; the rest after it would end it too soon."""
    rest = round(AT_END * store.fps)
    left = store.ends()[:, 0] - np.arange(len(store))
    assert set(clips.starts) == set(np.flatnonzero(left > rest + 1))
    batch = clips.at(clips.starts)
    acts = batch["before"].reshape(len(clips), -1, store.actions.shape[1])[..., 0].sum(1).numpy()
    most = SMALL.frames * clips.stride
    np.testing.assert_array_equal(acts, np.minimum(left[clips.starts] - rest, most))


def test_clips_can_be_kept_to_some_frames(store: FrameStore) -> None:
    some = LatentClips(store, Marked(store), text.learn(store.texts), SMALL)
    kept = some.starts[::5]
    some.begin_at(kept)
    assert len(some) == len(kept)
    batches = some.batches(64, 0)
    assert set(np.concatenate([begun(some, next(batches)) for _ in range(5)])) <= set(kept)
