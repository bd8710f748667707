"""Flows: what is in the next frame was mostly seen in this one, and what is pushed stays what it is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from video.latent.clips import Scale, beat_of
from video.latent.flow import BEAT, FlowDynamics, mixed, places, sampled
from video.latent.flow_training import RolledLoss, dusty, error, told, unit
from video.latent.flow_windows import AHEAD, LONG, TOLD, FlowWindows
from video.latent.store import FrameStore, pack


@pytest.fixture(scope="module")
def store(squares: Path, tmp_path_factory: pytest.TempPathFactory) -> FrameStore:
    return pack([squares], tmp_path_factory.mktemp("store") / "store", report=lambda _: None)


def scale_of(mean: float = 0.0) -> Scale:
    zero, one = torch.zeros(8, 1, 1), torch.ones(8, 1, 1)
    return Scale(zero, one, 1.0, torch.full((2,), mean), torch.ones(2))


def small(beat: int = 2) -> FlowDynamics:
    torch.manual_seed(0)
    made: FlowDynamics = FlowDynamics(actions=2, beat=beat, widths=(32, 32, 32), condition=32)
    return made


def test_a_beat_is_a_part_of_a_stride() -> None:
    assert [beat_of(stride, BEAT) for stride in (1, 2, 3, 4, 5, 6, 7, 8, 9)] == [1, 2, 1, 2, 1, 2, 1, 2, 1]


def test_before_anything_was_learned_nothing_moves() -> None:
    picture, model = torch.rand(2, 3, 22, 36) * 2 - 1, small()
    with torch.no_grad():
        scene = model.begin(picture)
        for _ in range(3):
            scene = model.go(scene, torch.randn(2, 8))
    torch.testing.assert_close(scene.frame, picture, atol=1e-4, rtol=0)


def shares_of(came: Tensor, share: Tensor) -> Tensor:
    """Of pixels [H, W] that came, and that are painted; the others stayed."""
    return torch.stack([1 - came.float() - share.float(), came.float(), share.float()])[None]


def test_what_has_gone_a_long_way_is_hardly_blurred() -> None:
    """Twelve beats of two thirds of a pixel are eight pixels."""
    picture = torch.full((1, 3, 24, 40), 0.5)
    picture[..., 8:14, 6:14] = -0.7
    cubic, linear, grid = picture, picture, places(picture)
    shift = torch.tensor([-2 / 3, 0.0])[:, None, None].expand(1, 2, 24, 40)
    came = shares_of(torch.ones(24, 40), torch.zeros(24, 40))
    for _ in range(12):
        cubic, linear = mixed(cubic, shift, came, picture), sampled(linear, grid + shift)
    gaps = [(each - picture.roll(8, -1)).abs().mean() for each in (cubic, linear)]
    assert gaps[0] < 0.85 * gaps[1], gaps


def test_pixels_stay_come_or_are_painted() -> None:
    picture = torch.rand(1, 3, 8, 12)
    came, painted = torch.zeros(8, 12), torch.zeros(8, 12)
    came[2:4, 5:8], painted[2:4, 2:4] = 1, 1
    flow, colors = torch.zeros(1, 2, 8, 12), torch.ones(1, 3, 8, 12)
    flow[:, 0] = -3.0
    found = mixed(picture, flow, shares_of(came, painted), colors)
    wanted = picture.clone()
    wanted[..., 2:4, 5:8] = picture[..., 2:4, 2:5]
    wanted[..., 2:4, 2:4] = 1
    torch.testing.assert_close(found, wanted, atol=1e-4, rtol=0)
    flow[:, 0] = -33.0
    beyond = mixed(picture, flow, shares_of(torch.ones(8, 12), 0 * painted), colors)
    torch.testing.assert_close(beyond[..., 6], picture[..., 0], atol=1e-4, rtol=0)


def test_dust_is_of_somewhere_near() -> None:
    torch.manual_seed(0)
    picture = torch.rand(4, 3, 32, 32)
    found = dusty(picture)
    same = ((found - picture).abs() < 1e-4).all(1)
    assert 0.85 < same.float().mean() < 0.999
    assert found.min() >= picture.min() - 1e-4 and found.max() <= picture.max() + 1e-4


def test_windows_are_of_one_episode_and_what_was_sent_leads_from_frame_to_frame(store: FrameStore) -> None:
    windows = FlowWindows(store, scale_of(), 2)
    last = 24 - TOLD * 2 - 1
    assert set(windows.starts % 24) == set(range(last + 1)), "episodes of 24 frames"
    batch = windows.at(np.array([24, 24 + 7]), LONG)
    assert batch["pictures"].shape == (2, LONG + 2, 3, 32, 32) and batch["sent"].shape == (2, LONG, 8)
    frames = torch.from_numpy(np.array(store.frames)).permute(0, 3, 1, 2)
    assert (batch["pictures"][0, :4] == frames[[24, 24, 26, 28]]).all(), "none of the episode before"
    assert (batch["pictures"][1, :4] == frames[[29, 31, 33, 35]]).all()
    assert (batch["pictures"][:, -1] == frames[47]).all(), "nor of the next"
    assert batch["beats"].tolist() == [11, 8]
    sent = torch.from_numpy(store.actions)
    torch.testing.assert_close(batch["sent"][1, 0], sent[29:33].flatten())
    torch.testing.assert_close(batch["sent"][0, 0], torch.cat([torch.zeros(4), sent[24:26].flatten()]))
    assert not batch["sent"][1, 10:].any(), "nothing is sent after the end"
    alone = FlowWindows(store, scale_of(0.25), 2).at(np.array([24 + 7]), AHEAD, None, np.array([True]))
    assert (alone["pictures"][0, 0] == frames[31]).all()
    torch.testing.assert_close(alone["sent"][0, 0, :4], torch.full((4,), -0.25))


def test_pieces_lie_around_what_changes(store: FrameStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("video.latent.flow_windows.PIECE", (16, 20))
    monkeypatch.setattr("video.latent.flow_windows.BESIDE", 2)
    windows, rng = FlowWindows(store, scale_of(), 2), np.random.default_rng(0)
    starts = rng.choice(windows.starts, 40)
    corners = windows.corners(starts, rng)
    batch = windows.at(starts, AHEAD, corners)
    assert batch["pictures"].shape == (40, AHEAD + 2, 3, 16, 20)
    y, x = corners[0]
    assert (
        batch["pictures"][0, 1].permute(1, 2, 0).numpy() == store.frames[starts[0]][y : y + 16, x : x + 20]
    ).all()
    moved = [(store.frames[s].astype(int) != store.frames[s + AHEAD]).any() for s in starts]
    seen = (batch["pictures"][:, 1] != batch["pictures"][:, 1 + AHEAD // 2]).flatten(1).any(1).numpy()
    assert seen[moved].mean() > 0.9
    kinds = [batch["sent"].shape for batch, _ in zip(windows.batches(16, 0), range(60), strict=False)]
    assert set(kinds) == {(16, TOLD, 8), (4, TOLD, 8)}
    kinds = [batch["sent"].shape for batch, _ in zip(windows.long(16, 0), range(60), strict=False)]
    assert set(kinds) == {(16, TOLD, 8), (4, TOLD, 8), (4, LONG, 8)}


def pushes(count: int) -> dict[str, Tensor]:
    """A robot [4 x 4 pixels] that goes right or left, and a block of one of two colours beside it that it
    takes along once it is there, LONG beats of at most two pixels."""
    rng = np.random.default_rng(0)
    pictures = torch.full((count, LONG + 2, 3, 32, 48), 128, dtype=torch.uint8)
    sent = torch.zeros(count, LONG, 8)
    for i in range(count):
        way, row, channel = int(rng.choice([-1, 1])), int(rng.integers(2, 26)), int(rng.integers(1, 3))
        robot = 22.0
        block = robot + way * int(rng.integers(6, 10))
        for beat in range(LONG + 2):
            for where, color in (
                (block, (0, 255 * (channel == 1), 255 * (channel == 2))),
                (robot, (255, 0, 0)),
            ):
                left = round(where)
                pictures[i, beat, :, row : row + 4, left : left + 4] = torch.tensor(color)[:, None, None]
            step = way * int(rng.integers(0, 3)) * (4 < robot < 38)
            robot += step
            if 0 < beat <= LONG:
                sent[i, beat - 1, 4::2] = step / 2
            if beat < LONG:
                sent[i, beat, 0:4:2] = step / 2
            if abs(block - robot) < 4:
                block = robot + way * 4
    return {"pictures": pictures, "sent": sent, "beats": torch.full((count,), LONG)}


def test_what_is_touched_is_taken_along_and_keeps_its_colour() -> None:
    """Nothing is known of blocks: it is seen in what happened, and what is sent tells it."""
    batch, model = pushes(10), small()
    piece = {name: batch[name][:, : AHEAD + extra] for name, extra in (("pictures", 2), ("sent", 0))}
    optimizer = torch.optim.AdamW(model.parameters(), 4e-3)
    for _ in range(60):
        optimizer.zero_grad()
        value, _ = told(model, piece)
        value.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    pictures = unit(piece["pictures"])
    with torch.no_grad():
        scene = model.begin(pictures[:, 1], pictures[:, 0])
        _, done, shares = error(model, scene, pictures[:, 1:], piece["sent"])
        _, _, others = error(model, scene, pictures[:, 1:], piece["sent"].roll(1, 0))
    assert shares[-1] < 0.5 and others[-1] > 1.5 * shares[-1], (shares, others)
    blocks = (pictures[:, -1, 0] < 0) & (pictures[:, 1, 0] > -0.5)  # where a block came to be
    assert blocks.sum() > 8
    gap = (done.frame - pictures[:, -1]).abs().mean(1)[blocks].mean()
    assert gap < 0.5, "of up to 1 beside the board"


def test_a_window_goes_on_where_it_had_got_to() -> None:
    batch, model = pushes(4), small()
    loss = RolledLoss(model)
    torch.manual_seed(2)
    beats = []
    for _ in range(7):
        loss(batch)
        beats.append(loss._beat.tolist())
    assert all(beat <= LONG and not beat % AHEAD for row in beats for beat in row)
    assert max(max(row) for row in beats) == LONG and beats[-1] != beats[0]
