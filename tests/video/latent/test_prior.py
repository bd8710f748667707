"""The likely actions at small size: words find their thing, and what is known of actions is kept."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F

from tests.video.latent.conftest import without_actions, write
from tests.video.latent.test_latent import SMALL
from video.latent.asked import WorldTraining
from video.latent.clips import LatentClips
from video.latent.latents import Latents
from video.latent.prior import ActionPrior
from video.latent.run import network, train_world
from video.latent.sketch import loss, outcome
from video.latent.store import load

SIZE = 8


def prior(seed: int = 0) -> ActionPrior:
    """Two chunks of two numbers, of pictures [3, 8, 8] and five words."""
    torch.manual_seed(seed)
    made: ActionPrior = ActionPrior(
        frames=2, chunk=2, size=(3, SIZE, SIZE), vocabulary=5, width=64, heads=2, text_layers=1
    )
    return made


def scenes(rng: torch.Generator, count: int) -> tuple[Tensor, Tensor, Tensor]:
    """Pictures with a thing a channel, the word of one of them, and where that one is, twice."""
    at = torch.randint(0, SIZE - 1, (count, 3, 2), generator=rng)
    pictures = torch.zeros(count, 3, SIZE, SIZE)
    for i, things in enumerate(at.tolist()):
        for channel, (y, x) in enumerate(things):
            pictures[i, channel, y : y + 2, x : x + 2] = 1.0
    named = torch.randint(0, 3, (count,), generator=rng)
    words = torch.cat([named[:, None] + 1, torch.zeros(count, 3, dtype=torch.long)], 1)
    place = at[torch.arange(count), named] / SIZE * 4 - 2
    return pictures, words, place[:, None].expand(-1, 2, -1)


def learn(model: ActionPrior, steps: int, drawn: Callable[[int], tuple[Tensor, Tensor, Tensor]]) -> None:
    """So many updates, fewer where a twentieth of the error of doing nothing is left before."""
    optimizer = torch.optim.AdamW(model.parameters(), 3e-3)
    for _ in range(steps):
        pictures, words, wanted = drawn(48)
        error = ((model(pictures, words)[1] - wanted) ** 2).mean()
        optimizer.zero_grad()
        error.backward()
        optimizer.step()
        if error.detach() < 0.05 * (wanted**2).mean():
            break


def test_words_find_their_thing() -> None:
    """Actions towards the named thing are learned; those of another word are not its."""
    rng, model = torch.Generator().manual_seed(1), prior()
    learn(model, 150, lambda count: scenes(rng, count))
    pictures, words, wanted = scenes(rng, 64)
    with torch.no_grad():
        found, other = (
            float(((model(pictures, some)[1] - wanted) ** 2).mean() / (wanted**2).mean())
            for some in (words, words.roll(1, 0))
        )
    assert found < 0.2, f"{found:.2f} of the error of doing nothing"
    assert other > 0.5, f"{other:.2f} with another's words"


def test_two_things_that_are_named_are_both_found() -> None:
    """Actions from one to the other, by their words' order."""
    rng, model = torch.Generator().manual_seed(4), prior(2)  # others take twice as many updates

    def drawn(count: int) -> tuple[Tensor, Tensor, Tensor]:
        pictures, words, at = scenes(rng, count)
        other = (words[:, 0] - 1 + torch.randint(1, 3, (count,), generator=rng)) % 3
        words[:, 1] = other + 1
        where = (pictures.flatten(2) / 4) @ torch.arange(float(SIZE * SIZE))  # of a thing's four cells
        there = where[torch.arange(count), other]
        place = torch.stack([(there // SIZE).floor(), there % SIZE], 1)[:, None] / SIZE * 4 - 2
        return pictures, words, (place - at) / 2

    learn(model, 450, drawn)
    pictures, words, wanted = drawn(64)
    with torch.no_grad():
        found = float(((model(pictures, words)[1] - wanted) ** 2).mean() / (wanted**2).mean())
        back = words[:, [1, 0, 2, 3]]
        other_way = float(((model(pictures, back)[1] - wanted) ** 2).mean() / (wanted**2).mean())
    assert found < 0.3, f"{found:.2f} of the error of doing nothing"
    assert other_way > 1, f"{other_way:.2f} with the words the other way round"


def test_a_look_never_narrows_to_a_single_cell() -> None:
    """However large likenesses grow: from where one cell is all that is seen, no gradient leads away."""
    rng, model = torch.Generator().manual_seed(4), prior()
    pictures, words, _ = scenes(rng, 8)
    with torch.no_grad():
        before = model.look(pictures, words)
        for layer in (model.cells, model.looks):
            for value in layer.parameters():
                value.mul_(100.0)
        torch.testing.assert_close(model.look(pictures, words), before, rtol=1e-3, atol=1e-3)


def test_words_say_what_will_have_changed() -> None:
    """The named thing goes away, the others stay: how, and which cells; nothing is said of actions."""
    rng, model = torch.Generator().manual_seed(3), prior()
    optimizer = torch.optim.AdamW(model.parameters(), 3e-3)

    def shares(words: Tensor, pictures: Tensor, gone: Tensor) -> Tensor:
        # Far above what counts as none, so that shares are of what there is.
        change = -3 * pictures * F.one_hot(gone[:, 0] - 1, 3)[..., None, None]
        return torch.stack(outcome(model.look_ahead(pictures, words)[1], change, 0.25))

    for _ in range(150):
        pictures, words, _ = scenes(rng, 48)
        optimizer.zero_grad()
        shares(words, pictures, words).sum().backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    pictures, words, _ = scenes(rng, 64)
    with torch.no_grad():
        found, other = shares(words, pictures, words), shares(words.roll(1, 0), pictures, words)
        named, mean, ahead = model.learned(pictures, words)
        for one, again in zip((named, mean), model(pictures, words), strict=True):
            torch.testing.assert_close(one, again)
    assert ahead.shape == (64, pictures.shape[1] + 1, *pictures.shape[2:])
    assert (found < 0.3).all(), f"{found} of what is not known without words"
    assert (other > 0.8).all(), f"{other} with another's words"


def test_known_actions_are_kept_and_unknown_ones_are_the_mean() -> None:
    model, mean, given = prior(), torch.randn(3, 2, 2), torch.randn(3, 2, 2)
    torch.testing.assert_close(model.estimate(mean, given, torch.zeros(3, 2)), given)
    torch.testing.assert_close(model.estimate(mean, given, torch.ones(3, 2)), mean)
    # Between the two, the closed form of a Gaussian's mean given a noisy value.
    level, spread = torch.full((3, 2), 0.4), model.spread.exp()
    inverse = 1 / (1 / spread + 0.6**2 / 0.4**2)
    wanted = inverse * (mean / spread + 0.6 * given / 0.4**2)
    torch.testing.assert_close(model.estimate(mean, given, level), wanted)


def test_the_error_of_video_leaves_it_alone(squares: Path, tmp_path: Path) -> None:
    """Were both told what to look for, the much larger one would be heard alone."""
    bundle = train_world(
        WorldTraining(data=[squares], folder=tmp_path, config=SMALL, minutes=0), lambda _: None
    )
    model = bundle.network.train()
    torch.nn.init.normal_(model.out_video.weight)
    first, video, action = torch.randn(2, 8, 8, 8), torch.randn(2, 3, 8, 8, 8), torch.randn(2, 3, 6)
    words, half = torch.ones(2, 24, dtype=torch.long), torch.full((2, 3), 0.5)
    clean, acts = model(first, video, action, (half, half), words)
    clean.square().mean().backward(retain_graph=True)
    assert all(p.grad is None or not p.grad.any() for p in model.prior.convs.parameters())
    acts.square().mean().backward()
    assert any(p.grad is not None and p.grad.any() for p in model.prior.convs.parameters())


def test_the_sketch_is_learned_first_and_kept(squares: Path, tmp_path: Path) -> None:
    """Its error falls, and the network's training begins from it."""
    wide = replace(SMALL, encoder_widths=(16, 32, 64))  # one that was not trained loses less so
    run = WorldTraining(
        data=[squares], folder=tmp_path, config=wide, minutes=0, sketch_minutes=5, sketch_steps=80
    )  # fmt: skip
    said: list[str] = []
    bundle = train_world(run, said.append)
    store = load(tmp_path / "store")
    clips = LatentClips(store, Latents(bundle.autoencoder, store), bundle.tokenizer, wide)
    batch = clips.at(clips.starts[::4])
    with torch.no_grad():
        before, after = (
            loss(model, clips.scale.motion, batch)[1]
            for model in (network(wide, clips, bundle.tokenizer), bundle.network)
        )
    assert after["act"] < 0.5 * before["act"]
    assert after["video"] < 0.9 * before["video"]
    assert after["outcome"] < 0.9 * before["outcome"]
    again = train_world(replace(run, sketch_minutes=0), said.append)
    assert all(
        torch.equal(p, q)
        for p, q in zip(bundle.network.parameters(), again.network.parameters(), strict=True)
    )


def test_video_alone_has_no_sketch(tmp_path: Path) -> None:
    silent = without_actions(write(tmp_path / "silent"))
    run = WorldTraining(
        data=[silent], folder=tmp_path, config=SMALL, minutes=0, sketch_minutes=5, sketch_steps=5
    )  # fmt: skip
    train_world(run, lambda _: None)
    assert not (tmp_path / "sketch").exists()
