"""Dynamics: what is sent makes the next frame of the last ones, and is told of two frames."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from tests.video.latent.conftest import without_actions, write
from tests.video.latent.test_latent import SMALL
from video.latent import autoencoder, text, transitions
from video.latent.asked import WorldTraining
from video.latent.bundle import LatentBundle, LatentWeightsError
from video.latent.clips import LatentClips, beat_of
from video.latent.dynamics import BEAT, Dynamics
from video.latent.latents import Latents
from video.latent.pipeline import LatentPipeline
from video.latent.prior import ActionPrior
from video.latent.run import train_world
from video.latent.store import FrameStore, pack
from video.latent.transitions import AHEAD, ROLLED, RollingLoss, Transitions, drawn_levels

FRAMES = np.full((2, 32, 32, 3), 90, np.uint8)


@pytest.fixture(scope="module")
def store(squares: Path, tmp_path_factory: pytest.TempPathFactory) -> FrameStore:
    return pack([squares], tmp_path_factory.mktemp("store") / "store", report=lambda _: None)


def windows_of(store: FrameStore, beat: int = 2) -> Transitions:
    """Of an autoencoder that was not trained: a random one keeps places."""
    torch.manual_seed(0)
    latents = Latents(autoencoder.build(SMALL), store)
    return Transitions(
        store, latents, LatentClips(store, latents, text.learn(store.texts), SMALL).scale, beat
    )


def small(motion: float, beat: int = 2) -> Dynamics:
    torch.manual_seed(0)
    made: Dynamics = Dynamics(
        channels=8, height=8, width_=8, actions=2, beat=beat, span=2, motion=motion, widths=(16, 32, 32),
        layers=1, heads=2, condition=64,
    )  # fmt: skip
    return made


def test_a_beat_is_a_part_of_a_stride() -> None:
    assert [beat_of(stride, BEAT) for stride in (1, 2, 3, 4, 5, 6, 7, 8, 9)] == [1, 2, 3, 2, 1, 3, 1, 2, 3]


def test_windows_are_of_one_episode_and_what_was_sent_leads_from_frame_to_frame(store: FrameStore) -> None:
    windows = windows_of(store)
    assert set(np.arange(len(store)) % 24) - set(windows.starts % 24) == {22, 23}, "no frame comes after"
    batch = windows.at(np.array([0, 24 + 5, 24 + 17]))
    assert batch["frames"].shape == (3, AHEAD + 2, 8, 8, 8) and batch["acts"].shape == (3, AHEAD + 1, 4)
    assert torch.equal(batch["frames"][0, 0], batch["frames"][0, 1]), "before the first there is none"
    scale = windows._scale
    still = -(scale.action_mean / scale.action_std).repeat(2)
    torch.testing.assert_close(batch["acts"][0, 0], still)
    sent = (batch["acts"][1].reshape(-1, 2, 2) * scale.action_std + scale.action_mean).flatten(0, 1)
    torch.testing.assert_close(sent, torch.from_numpy(store.actions[24 + 3 : 24 + 21]))
    assert batch["inside"][0].all() and batch["inside"][2].tolist() == [True] * 3 + [False] * (AHEAD - 3)
    last = windows._latents[np.array([47])].float()[0]
    unit = (last - scale.latent_mean) / scale.latent_std
    torch.testing.assert_close(batch["frames"][2, -1], unit)
    torch.testing.assert_close(batch["acts"][2, -1], still, msg="nothing is sent after the end")


def learned(store: FrameStore, steps: int) -> tuple[Dynamics, Transitions]:
    """Some that learned for so many updates."""
    windows = windows_of(store)
    model = small(transitions.motion_of([windows], 64))
    loss, batches = RollingLoss(model), windows.batches(32, 0)
    optimizer = torch.optim.AdamW(model.parameters(), 2e-3)
    for _ in range(steps):
        optimizer.zero_grad()
        loss(next(batches))[0].backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
    return model.eval(), windows


def rolled(model: Dynamics, batch: dict[str, Tensor], acts: Tensor, beats: int) -> Tensor:
    """Frames [N, C, h, w] after some beats of what is sent [N, AHEAD + 1, chunk]."""
    before, now = batch["frames"][:, 0], batch["frames"][:, 1]
    for k in range(beats):
        before, now = now, model.go(before, now, acts[:, k], acts[:, k + 1], torch.randn(now.shape))
    return now


def test_a_thing_goes_where_it_is_sent_for_some_beats_and_its_way_is_explained(store: FrameStore) -> None:
    model, windows = learned(store, 160)
    batch = windows.at(np.arange(1, 192, 24) + np.arange(8) % 3)
    now, later = batch["frames"][:, 1], batch["frames"][:, 5]
    nothing = float(((now - later) ** 2).mean())
    true = float(((rolled(model, batch, batch["acts"], 4) - later) ** 2).mean())
    others = float(((rolled(model, batch, batch["acts"].roll(1, 0), 4) - later) ** 2).mean())
    assert true < 0.35 * nothing and others > 2 * true, (true, others, nothing)
    told = model.explain(now, now, batch["frames"][:, 3])
    wanted = batch["acts"][:, 1:3].flatten(1)
    error = float(((told - wanted) ** 2).mean() / (wanted - wanted.mean(0)).pow(2).mean())
    assert error < 0.35, error


def test_what_was_imagined_is_gone_on_from_in_training_and_begins_anew_at_an_end(
    store: FrameStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transitions, "RESTART", 0.0)
    windows, model = windows_of(store), small(1.0)
    loss = RollingLoss(model)
    batch = windows.at(np.array([1, 2, 3, 4, 17, 18, 19, 20]))  # four of these end soon
    count, seen = len(batch["frames"]) // ROLLED, []
    with torch.no_grad():
        for _ in range(AHEAD + 1):
            loss(batch)
            seen.append((loss._beats.tolist(), loss._known[:, 0].clone()))
    assert [beats[0] for beats, _ in seen] == [*range(1, AHEAD + 1), 1], "until the window is over"
    assert [beats[4 // ROLLED] for beats, _ in seen][:4] == [1, 2, 3, 1], "or its subgoal"
    assert len(seen[0][0]) == count
    torch.testing.assert_close(seen[0][1], batch["frames"][::ROLLED, 1])
    imagined = loss._known[1, 1]
    assert not torch.equal(imagined, batch["frames"][ROLLED, 2]), "what it drew itself"


def test_levels_say_what_is_known() -> None:
    torch.manual_seed(0)
    levels = drawn_levels(4000, 1000, torch.device("cpu"))
    assert (levels[4000:, 1:] == 0).all() and (levels[4000:, 0] > 0).all()
    assert 0.4 < float((levels[4000:, 0] == 1).float().mean()) < 0.6
    explain = levels[:4000, 1] == 1
    assert 0.17 < float(explain.float().mean()) < 0.23
    assert (levels[:4000][explain] == torch.tensor([0.0, 1.0, 1.0])).all(), "both frames, and no actions"
    assert (levels[:4000][~explain, 0] > 0).all()


def trained(squares: Path, folder: Path, **more: object) -> WorldTraining:
    run = WorldTraining(
        data=[squares], folder=folder, config=SMALL, minutes=0, whole=False, sketch_minutes=5,
        sketch_steps=2, dynamics_minutes=5, dynamics_steps=2,
    )  # fmt: skip
    return replace(run, **more)  # type: ignore[arg-type]


def test_they_are_trained_last_kept_and_imagine_every_clip(squares: Path, tmp_path: Path) -> None:
    run = trained(squares, tmp_path, whole=True, minutes=5, steps=2)
    assert train_world(run, lambda _: None).dynamics is not None
    bundle = LatentBundle.load(tmp_path / "weights")
    assert bundle.dynamics is not None and bundle.dynamics.config.beat == 3
    pipeline, words = LatentPipeline(bundle), ["go right", "go down"]
    clips, actions = pipeline.joint(FRAMES, words, [0, 1])
    assert clips.shape == (2, 3, 32, 32, 3) and actions.shape == (2, 9, 2)
    np.testing.assert_array_equal(clips, pipeline.joint(FRAMES, words, [0, 1])[0], "a function of the seeds")
    assert np.abs(pipeline.joint(FRAMES, words, [2, 3])[1] - actions).max() > 1e-4, "branches differ"
    predicted = pipeline.predict(FRAMES, np.zeros((2, 9, 2), np.float32), [0, 1])
    assert predicted.shape == clips.shape
    rest = replace(run, minutes=0, sketch_minutes=0, dynamics_minutes=0)
    assert train_world(rest, lambda _: None).dynamics is not None, "they are there after a training without"


def test_a_prior_alone_and_dynamics_act_imagine_and_explain(
    squares: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train_world(trained(squares, tmp_path), lambda _: None)
    assert not (tmp_path / "weights" / "transformer").exists()
    bundle = LatentBundle.load(tmp_path / "weights")
    pipeline = LatentPipeline(bundle)
    clips, _ = pipeline.joint(FRAMES, ["go right", "go down"], [0, 1])
    looked, look = list[int](), ActionPrior.look

    def counted(own: ActionPrior, *given: Tensor) -> Tensor:
        looked.append(1)
        return torch.as_tensor(look(own, *given))

    monkeypatch.setattr(ActionPrior, "look", counted)
    bundle.termination = None
    pipeline.joint(FRAMES, ["go right", "go down"], [0, 1])
    assert len(looked) == 3, "at every beat"
    first, other = (pipeline.act(FRAMES, ["go right"] * 2, seeds) for seeds in ([0, 0], [0, 1]))
    np.testing.assert_array_equal(first[0], other[0], "a function of the seeds")
    assert np.abs(other[1] - other[0]).max() > 1e-3, "sampled"
    assert pipeline.explain(FRAMES, clips, [0, 1]).shape == (2, 9, 2)
    bundle.dynamics = None
    with pytest.raises(LatentWeightsError, match=r"expected weights of the whole network, got"):
        pipeline.explain(FRAMES, clips, [0, 1])


def test_corrections_teach_them_too(squares: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What comes of actions is the same whoever chose them."""
    given = list[int]()
    monkeypatch.setattr(
        "video.latent.part_training.train_dynamics", lambda some, *_, **__: given.append(len(some))
    )
    train_world(trained(squares, tmp_path / "one"), lambda _: None)
    train_world(trained(squares, tmp_path / "two", corrected=[squares]), lambda _: None)
    train_world(trained(squares, tmp_path / "three", timelapses=[squares]), lambda _: None)
    assert given == [1, 2, 1], "but of time lapses nothing"


def test_video_alone_has_none(tmp_path: Path) -> None:
    silent = without_actions(write(tmp_path / "data"))
    run = trained(silent, tmp_path, whole=True, sketch_minutes=0)
    assert train_world(run, lambda _: None).dynamics is None
    assert not (tmp_path / "weights" / "dynamics").exists()
