"""What chooses among subgoals, on pictures of a square: on the left it is told to go right, else down."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from tasks.learning.trainer import TrainConfig
from tests.video.latent.conftest import half_failed
from tests.vlp.vlm.latent.test_latent_vlm import SIZES, SMALL, Numbers
from video.latent import autoencoder, text
from video.latent.clips import LatentClips
from video.latent.latents import Latents
from video.latent.run import network
from video.latent.store import FrameStore
from vlp.vlm.latent import words
from vlp.vlm.latent.choice import AMONG, MANY, ChosenSubgoals, SubgoalChoice, joined, loss, told, train_choice
from vlp.vlm.latent.lessons import Clock
from vlp.vlm.latent.model import Hints, Network, build
from vlp.vlm.latent.vlm import CHOICE, SAID, LatentVLM

RIGHT, DOWN, WALK = 0, 1, 2


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> FrameStore:
    """By where the square is, every frame of one task is told one of two subgoals."""
    found = half_failed(tmp_path_factory.mktemp("choice"))
    columns = np.arange(32) * (np.asarray(found.frames)[..., 0] > 120).max(1)
    left = columns.max(1) < 16
    labels = np.stack([np.where(left, RIGHT, DOWN), np.full(len(found), WALK)], 1)
    return FrameStore(**{**vars(found), "text": labels, "texts": ("go right", "Go  down", "walk")})


def test_only_goals_of_a_few_subgoals_leave_a_choice(store: FrameStore) -> None:
    assert told([store]) == {"walk": ["go down", "go right"]}
    alone = FrameStore(**{**vars(store), "text": np.zeros((len(store), 2), np.int64)})
    assert told([alone]) == {}
    # What some more data say of the same goal counts, too, unless that is anything at all.
    more = FrameStore(**{**vars(store), "texts": ("go up", "go down", "walk")})
    assert told([store, more]) == {"walk": ["go down", "go right", "go up"]}
    many = tuple(f"go {number}" for number in range(MANY + 1))
    text = np.stack([np.arange(len(store)) % len(many), np.full(len(store), len(many))], 1)
    assert told([FrameStore(**{**vars(store), "text": text, "texts": (*many, "play")})]) == {}


def test_what_is_said_in_one_episode_alone_is_not_what_is_chosen_among(store: FrameStore) -> None:
    """Such as the places of one board: on the next one others will be said."""
    count = len(store.start)
    episode = np.repeat(np.arange(count), store.stop - store.start)
    spots = tuple(f"to the spot {number}" for number in range(count))
    text = np.stack([episode, np.full(len(store), count)], 1)
    apart = FrameStore(**{**vars(store), "text": text, "texts": (*spots, "walk")})
    assert told([apart]) == {}
    assert told([apart, apart]) == {"walk": sorted(spots)}, "of what was said again there is a choice"
    later = FrameStore(
        **{**vars(store), "text": np.stack([episode // 2, text[:, 1]], 1), "texts": apart.texts}
    )
    assert told([later]) == {"walk": sorted(spots[: count // 2])}


def test_what_was_heard_of_a_goal_before_is_not_forgotten() -> None:
    old = {"walk": ["go down", "go right"], "stay": ["sit", "stand"]}
    new = {"walk": ["go right", "go up"], "run": ["go down", "go up"]}
    assert joined(old, new) == {**old, **new, "walk": ["go down", "go right", "go up"]}
    many = [f"go {number}" for number in range(MANY)]
    assert joined(old, {"walk": many}) == old


def test_of_a_goal_that_was_known_only_what_is_known_is_chosen(store: FrameStore) -> None:
    """What new data say of it, and say but once, is nothing to choose, and no other text in its place."""
    tokenizer = text.learn(("go right", "go down", "go up", "walk"))
    new = FrameStore(**{**vars(store), "texts": ("go right", "go up", "walk")})
    choices = ChosenSubgoals(new, Numbers(new), tokenizer, {"walk": ["go down", "go right"]})
    right = text.encode(tokenizer, ["go right"])[0].tolist()
    batch = next(choices.batches(32, 0))
    assert (new.text[batch["latents"].long().numpy(), 0] == RIGHT).all()
    assert all(row[0] == right for row in batch["subgoals"].tolist())
    nobody = ChosenSubgoals(new, Numbers(new), tokenizer, {"walk": ["go down", "go left"]})
    assert len(nobody) == 0


def test_the_first_is_the_one_that_was_said_and_none_is_drawn_twice(store: FrameStore) -> None:
    tokenizer = text.learn(store.texts)
    said = {"walk": [*(f"go {number}" for number in range(12)), "go down", "go right"]}
    choices = ChosenSubgoals(store, Numbers(store), tokenizer, said)
    batch = next(choices.batches(16, 0))
    assert batch["subgoals"].shape[:2] == (16, AMONG) and batch["known"].all()
    tokens = {name: text.encode(tokenizer, [name])[0].tolist() for name in ("go right", "go down")}
    for frame, row in zip(batch["latents"].long(), batch["subgoals"].tolist(), strict=True):
        first = "go right" if store.text[int(frame), 0] == RIGHT else "go down"
        assert row[0] == tokens[first] and len({tuple(one) for one in row}) == AMONG
    few = next(ChosenSubgoals(store, Numbers(store), tokenizer, told([store])).batches(4, 0))
    assert few["known"].sum(1).tolist() == [2] * 4
    assert not len(ChosenSubgoals(store, Numbers(store), tokenizer, {"another goal": ["go up", "go down"]}))


def test_it_learns_to_choose_by_what_is_seen_and_is_kept(store: FrameStore, tmp_path: Path) -> None:
    reader, eye = text.learn(store.texts), autoencoder.build(SIZES)
    latents, said = Latents(eye, store), told([store])
    clips = LatentClips(store, latents, reader, SIZES)
    prior = network(SIZES, clips, reader).prior
    choices = ChosenSubgoals(store, latents, reader, said)
    config = TrainConfig(minutes=5, steps=120, learning_rate=3e-3)
    choice = train_choice(
        prior, clips.scale, [choices], tmp_path / "run", config, size=16, report=lambda _: None
    )
    assert choice is not None
    assert loss(choice, next(choices.batches(128, 1)))[1]["chosen"] > 0.85
    tokenizer = words.learn(store.texts)
    model = Network(build(len(tokenizer), latents.shape, SMALL), Hints.of(prior, clips.scale, SMALL.width))
    vlm = LatentVLM(model, eye, tokenizer, reader, Clock(10.0), {"go right", "go down"}, choice, said)
    vlm.save(tmp_path / "vlm")
    again = LatentVLM.load(tmp_path / "vlm")
    frames = np.asarray(store.frames)[:: len(store) // 24]
    wanted = [("go right", "go down")[one] for one in store.text[:: len(store) // 24, 0]]
    likeliest = [found[0].text for found in again.propose(frames, "Walk", [()] * len(frames), 2, seed=0)]
    assert np.mean([one == other for one, other in zip(likeliest, wanted, strict=True)]) > 0.8
    assert again.propose(frames[:2], "walk", [(), ()], 2, seed=3) == again.propose(
        frames[:2], "walk", [(), ()], 2, seed=3
    )
    for found in again.propose(frames[:2], "something else", [(), ()], 2, seed=0):
        assert sum(proposal.probability for proposal in found) <= 1.0 + 1e-6
    assert {path.name for path in (tmp_path / "vlm").iterdir()} >= {CHOICE, SAID}


def test_where_nothing_is_trained_nothing_chooses(store: FrameStore, tmp_path: Path) -> None:
    reader, eye = text.learn(store.texts), autoencoder.build(SIZES)
    latents = Latents(eye, store)
    clips = LatentClips(store, latents, reader, SIZES)
    prior = network(SIZES, clips, reader).prior
    none = ChosenSubgoals(store, latents, reader, {})
    for choices, minutes in (([none], 1.0), ([ChosenSubgoals(store, latents, reader, told([store]))], 0.0)):
        config = TrainConfig(minutes=minutes, steps=1)
        assert train_choice(prior, clips.scale, choices, tmp_path, config, size=4) is None


def test_scores_are_of_each_row_alone(store: FrameStore) -> None:
    reader, eye = text.learn(store.texts), autoencoder.build(SIZES)
    latents = Latents(eye, store)
    clips = LatentClips(store, latents, reader, SIZES)
    torch.manual_seed(0)
    choice = SubgoalChoice.of(network(SIZES, clips, reader).prior, clips.scale).eval()
    batch = next(ChosenSubgoals(store, latents, reader, told([store])).batches(3, 0))
    both = choice(batch["latents"], batch["goals"], batch["subgoals"])
    for row in range(3):
        one = choice(*(batch[name][row : row + 1] for name in ("latents", "goals", "subgoals")))
        torch.testing.assert_close(one[0], both[row], atol=1e-4, rtol=1e-3)
