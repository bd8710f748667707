"""Tracks: things of a first picture are found in those after it, and how they push is learned from where."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from tasks.learning.trainer import TrainConfig
from tests.video.latent.test_latent import SMALL
from tests.video.latent.test_rolling import beats_of
from video.latent.asked import WorldTraining
from video.latent.prior import ActionPrior
from video.latent.rolling import Rolling
from video.latent.rolling_training import CUTTING, RollingTraining, train_steps
from video.latent.run import train_world
from video.latent.scenes import CutScene, centers
from video.latent.store import FrameStore, pack
from video.latent.tracked import track
from video.latent.tracks import AHEAD, NEAR, ThingTracks, loss

HEIGHT, WIDTH, FINE = 48, 64, 4


@pytest.fixture(scope="module")
def store(squares: Path, tmp_path_factory: pytest.TempPathFactory) -> FrameStore:
    return pack([squares], tmp_path_factory.mktemp("store") / "store", report=lambda _: None)


def small_rolling(fine: int = FINE) -> Rolling:
    torch.manual_seed(0)
    made: Rolling = Rolling(
        channels=8, height=12, width=16, fine=fine, actions=2, beat=2, layers=2, hidden=16
    )
    return made


def scene_of(places: Tensor) -> CutScene:
    """A light rectangle and one of two dark halves, at places [N, 2, 2] in cells from the middle."""
    count = len(places)
    things = torch.zeros(count, 2, 4, HEIGHT, WIDTH)
    for i in range(count):
        for k, (right, down) in enumerate((places[i] * FINE).tolist()):
            x, y, wide = round(WIDTH / 2 + right), round(HEIGHT / 2 + down), 5 - k
            things[i, k, :3, y - 3 : y + 3, x - wide : x + wide] = (0.25, -0.45)[k]
            things[i, k, :3, y - 3 : y + 3, x : x + wide] -= 0.5 * k
            things[i, k, 3, y - 3 : y + 3, x - wide : x + wide] = 1
    still = torch.zeros(count, 2, 3)
    center = centers(things[:, :, 3]) / FINE
    behind = torch.full((count, 3, HEIGHT, WIDTH), -0.1)
    kinds = torch.eye(2, Rolling.KINDS).expand(count, -1, -1)
    return CutScene(FINE, things, behind, center, still, torch.zeros(count, 2, Rolling.WAYS + 1), kinds)


def test_things_are_found_where_they_went_also_where_they_are_half_covered() -> None:
    scene = scene_of(torch.tensor([[[-3.0, 0.0], [3.0, 1.0]]]))
    gone = torch.tensor([[[0.75, 0.5, 0.1], [0.0, 0.0, 0.0]], [[2.25, 0.5, 0.2], [0.25, -0.75, 0.2]]])
    pictures = torch.stack([replace(scene, ways=ways[None]).drawn[0] for ways in gone], 1)
    found, fit = track(small_rolling(), scene, pictures, torch.zeros(1, 2, 8))
    torch.testing.assert_close(found[0, :, :, :2], gone[:, :, :2], atol=0.2, rtol=0)
    torch.testing.assert_close(found[0, :, 0, 2], gone[:, 0, 2], atol=0.11, rtol=0)
    assert (fit < 0.3).all()
    x = round((float(scene.center[0, 1, 0]) + 0.25) * FINE + WIDTH / 2)
    pictures[..., :, x:] = 0.9  # half of the second
    covered, worse = track(small_rolling(), scene, pictures, torch.zeros(1, 2, 8))
    torch.testing.assert_close(covered[0, 1, 1, :2], gone[1, 1, :2], atol=0.4, rtol=0)
    assert 0.3 < worse[0, 1, 1] < 0.7
    _, lost = track(small_rolling(), scene, torch.ones_like(pictures), torch.zeros(1, 2, 8))
    assert (lost > 0.9).all(), "what is not there fits nowhere"


def centers_of(places: Tensor) -> Tensor:
    """As cut out: of whole pixels."""
    return scene_of(places).center


def pushed(count: int) -> dict[str, Tensor]:
    """Where a robot is that goes right or left a cell a beat and a block that it takes along once it is
    there, in a stretch of beats, and what was sent."""
    rng = np.random.default_rng(0)
    way = torch.from_numpy(rng.choice([-1.0, 1.0], count)).float()
    gap = torch.from_numpy(rng.uniform(1.5, 6.0, count)).float()
    places = torch.zeros(count, 2, 2)
    places[:, 1, 0] = way * gap
    ways = torch.zeros(count, 1, AHEAD + 1, 2, 3)
    for beat in range(1, AHEAD + 1):
        ways[:, 0, beat, 0, 0] = way * beat
        ways[:, 0, beat, 1, 0] = way * (beat + 2.5 - gap).clamp(min=0)
    sent = torch.zeros(count, 1, AHEAD, 8)
    sent[..., 0::2] = way[:, None, None, None]
    known = torch.ones(count, 1, AHEAD + 1, 2, dtype=torch.bool)
    return {
        "places": places,
        "center": centers_of(places),
        "ways": ways,
        "sent": sent,
        "known": known,
        "begun": known[..., 1:, 0].float(),
    }


def taught(monkeypatch: pytest.MonkeyPatch, batch: dict[str, Tensor]) -> tuple[Rolling, ActionPrior]:
    """By where things were alone."""
    model = small_rolling()
    for name, value in model.named_parameters():
        value.requires_grad_(not name.startswith(CUTTING))
    scene = scene_of(batch["places"])
    scene = replace(scene, chosen=torch.full_like(scene.chosen, 1 / (Rolling.WAYS + 1)))
    monkeypatch.setattr("video.latent.tracks._cut", lambda *_: scene)
    optimizer = torch.optim.AdamW(model.parameters(), 6e-3)
    prior = ActionPrior(frames=3, chunk=6, size=(8, 12, 16), vocabulary=5, width=64, heads=2, text_layers=1)
    for _ in range(140):
        optimizer.zero_grad()
        loss(model, prior, batch)[0].backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
    return model.eval(), prior


def test_pushing_is_learned_from_where_things_were(monkeypatch: pytest.MonkeyPatch) -> None:
    """Though blocks are far wider than a step: no picture is compared."""
    batch = pushed(32)
    model, prior = taught(monkeypatch, batch)
    _, logs = loss(model, prior, batch)
    assert logs["beats_4"] < 0.2, "over four beats by its own telling"
    _, others = loss(model, prior, {**batch, "sent": batch["sent"].roll(1, 0)})
    assert others["beats_4"] > 3 * logs["beats_4"], "by what is sent"
    late = {**batch, "begun": batch["begun"] * torch.tensor([0.0, 0.0, 0.0, 1.0])}
    assert loss(model, prior, late)[1]["beats_4"] > 2 * logs["beats_4"], "nothing goes before it began"


def test_what_is_not_known_teaches_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    batch = pushed(8)
    batch["known"] = batch["known"] & torch.tensor([True, False])
    model, scene = small_rolling().eval(), scene_of(batch["places"])
    monkeypatch.setattr("video.latent.tracks._cut", lambda *_: scene)
    prior = ActionPrior(frames=3, chunk=6, size=(8, 12, 16), vocabulary=5, width=64, heads=2, text_layers=1)
    wrong = batch["ways"].clone()
    wrong[:, :, -1, 1] += 9.0
    errors = []
    for ways in (batch["ways"], wrong):
        torch.manual_seed(0)
        errors.append(loss(model, prior, {**batch, "ways": ways})[0])
    assert torch.equal(*errors)
    another = {**batch, "center": batch["center"] + torch.tensor([[2.0, 0.0], [0.0, 0.0]])}
    assert loss(model, prior, another)[0] == 0, "what was cut out is another thing now"


def test_where_two_things_are_near_is_learned_from_oftener(store: FrameStore) -> None:
    """Whatever comes of it: a robot that passes by a block leaves it where it is."""
    beats = beats_of(store)
    ways = torch.zeros(1, 7, 2, 3)
    ways[:, :, 0, 0] = torch.arange(7)
    center = torch.tensor([[[0.0, 0.0], [4.2 + NEAR, 0.0]]])  # near in the sixth beat alone
    there = torch.tensor([[1.0, 1, 1, 1, 1, 1]])
    sent = torch.arange(1.0, 7.0)[None, :, None].expand(1, 6, 8)
    known = torch.ones(1, 7, 2, dtype=torch.bool)
    tracks = ThingTracks(torch.tensor([3]), center, ways, known, sent, there)
    batch = next(tracks.batches(beats, 200, 0))
    last = batch["sent"][..., -1, 0]
    shares = [float((last == beat).float().mean()) for beat in range(1, 7)]
    assert shares[5] == pytest.approx(1 / 1.5, abs=0.05) and shares[0] == pytest.approx(0.1 / 1.5, abs=0.03)
    row, stretch = (last == 2).nonzero()[0].tolist()
    assert batch["sent"][row, stretch, :, 0].tolist() == [0, 0, 1, 2], "it began with the third"
    assert batch["begun"][row, stretch].tolist() == [0, 0, 1, 1]
    assert batch["ways"][row, stretch, :, 0, 0].tolist() == [0, 0, 0, 1, 2]
    over = ThingTracks(torch.tensor([3]), center, ways, known, sent, there * (torch.arange(6) < 5))
    assert float((next(over.batches(beats, 200, 0))["sent"][..., -1, 0] == 6).float().mean()) == 0


def test_tracks_are_of_the_store_and_how_things_are_cut_out_stays(
    store: FrameStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes = set[tuple[int, ...]]()

    def counted(*given: Any) -> tuple[Tensor, Tensor]:
        sizes.add(given[2].shape[-2:])
        return track(*given)

    monkeypatch.setattr("video.latent.tracks.track", counted)
    beats = beats_of(store)
    torch.manual_seed(0)
    prior = ActionPrior(frames=3, chunk=6, size=(8, 8, 8), vocabulary=512, width=64, heads=4, text_layers=1)
    model = Rolling(channels=8, height=8, width=8, fine=2, actions=2, beat=2, layers=2, hidden=16)
    tracks = ThingTracks.of(model, prior, beats, 5, 60.0)
    assert tracks.ways.shape == (5, 25, 2, 3) and tracks.sent.shape == (5, 24, 8)
    assert sizes == {store.frames.shape[1:3]}, "as large as they are"
    assert set(tracks.start.tolist()) <= set(beats.begun.tolist()) and not tracks.ways[:, 0].any()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    config = TrainConfig(minutes=5, steps=3, learning_rate=1e-2)
    training = RollingTraining(folder=tmp_path, config=config, size=4, report=lambda _: None)
    trained = train_steps(model, prior, beats, training)
    changed = {name for name, value in trained.state_dict().items() if not torch.equal(value, before[name])}
    assert "meeting.0.weight" in changed and not any(name.startswith(CUTTING) for name in changed)
    assert all(value.requires_grad for value in trained.parameters())
    other = Rolling(channels=8, height=8, width=8, fine=2, actions=2, beat=2, layers=2, hidden=16)
    again = train_steps(other, prior, beats, replace(training, config=replace(config, minutes=0)))
    for name, value in trained.state_dict().items():
        torch.testing.assert_close(again.state_dict()[name], value, msg=name)
    anew = Rolling(channels=8, height=8, width=8, fine=2, actions=2, beat=2, layers=2, hidden=16)
    cut = {name: value.clone() for name, value in anew.state_dict().items() if name.startswith(CUTTING)}
    further = train_steps(anew, prior, beats, training).state_dict()
    assert all(torch.equal(further[name], value) for name, value in cut.items()), "cut out as by now"


def test_a_training_of_the_rolling_model_has_all_its_parts(squares: Path, tmp_path: Path) -> None:
    said: list[str] = []
    run = WorldTraining(
        data=[squares], folder=tmp_path, config=SMALL, minutes=0, whole=False, sketch_minutes=5,
        sketch_steps=2, rolling_minutes=5, rolling_steps=2,
    )  # fmt: skip
    assert train_world(run, said.append).rolling is not None
    assert any(line.endswith("tracks of things") for line in said)
    assert (tmp_path / "rolling" / "steps" / "checkpoint.pt").is_file()
