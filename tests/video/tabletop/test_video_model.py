"""The video model on bundled weights and on fresh small ones: shapes, seeds, words, learning."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import FlowMatchEulerDiscreteScheduler

from tasks.tabletop.demos.rollouts import record
from tasks.tabletop.language.tokens import MAX_WORDS, PAD, UNKNOWN, encode
from tasks.tabletop.seeing.encoder import PoseProbe, SlotEncoder
from tasks.tabletop.world.layout import random_layout
from tasks.tabletop.world.world import World
from video.tabletop.clips import FRAMES, ClipData, batches
from video.tabletop.denoiser import SlotDenoiser
from video.tabletop.pipeline import SlotVideoPipeline, follow, motions
from video.tabletop.renderer import SlotRenderer, visible
from video.tabletop.train_denoiser import loss

BUNDLED = Path(__file__).parents[3] / "vlp" / "bundled"


@pytest.fixture(scope="module")
def pipeline() -> SlotVideoPipeline:
    return SlotVideoPipeline(
        SlotEncoder.from_pretrained(BUNDLED / "perception").eval(),
        SlotDenoiser.from_pretrained(BUNDLED / "denoiser").eval(),
        SlotRenderer.from_pretrained(BUNDLED / "renderer").eval(),
        FlowMatchEulerDiscreteScheduler(),
    )


@pytest.fixture(scope="module")
def board() -> np.ndarray:
    world = World()
    world.place(*random_layout(np.random.default_rng(1_000_000)))
    return world.render()


def test_clips_have_the_promised_shape_and_follow_their_seed(
    pipeline: SlotVideoPipeline, board: np.ndarray
) -> None:
    text = "push the red moon next to the blue cube"
    frames = np.stack([board] * 3)
    clips = pipeline(frames, [text] * 3, [1, 2, 1])
    assert clips.shape == (3, FRAMES, *board.shape) and clips.dtype == np.uint8
    assert np.abs(clips[0].astype(int) - clips[2]).max() <= 1
    assert np.abs(clips[0].astype(int) - clips[1]).max() > 50


def test_a_branch_is_the_same_whatever_stands_beside_it(
    pipeline: SlotVideoPipeline, board: np.ndarray
) -> None:
    texts = ["push the red moon next to the blue cube", "push the green star to the left"]
    alone = pipeline(board[None], texts[:1], [7])
    together = pipeline(np.stack([board] * 2), texts, [7, 8])
    probe = PoseProbe(pipeline.encoder)
    _, first = probe.places(alone[0, -1:])
    _, second = probe.places(together[0, -1:])
    assert np.abs(first - second).max() < 0.01


def test_what_stands_still_is_copied_from_the_first_frame(
    pipeline: SlotVideoPipeline, board: np.ndarray
) -> None:
    clip = pipeline(board[None], ["push the red moon to the right"], [3])[0]
    same = (clip == board[None]).all(-1).mean()
    assert same > 0.9


def test_the_words_decide_which_block_moves(pipeline: SlotVideoPipeline, board: np.ndarray) -> None:
    probe = PoseProbe(pipeline.encoder)
    before = probe.blocks(board)
    hits = 0
    for name in ("red_moon", "blue_cube", "green_star", "yellow_pentagon"):
        text = f"push the {name.replace('_', ' ')} to the center"
        after = probe.blocks(pipeline(board[None], [text], [5])[0, -1])
        moved = {
            k: float(np.hypot(after[k][0] - x, after[k][1] - y)) for k, (x, y) in before.items() if k in after
        }
        hits += max(moved, key=lambda k: moved[k]) == name
    assert hits >= 3


def test_lengths_that_differ_are_refused(pipeline: SlotVideoPipeline, board: np.ndarray) -> None:
    with pytest.raises(ValueError, match="as many frames as subgoals and seeds"):
        pipeline(board[None], ["push the red moon up", "push the red moon down"], [1])


def test_motions_and_follow_are_each_other_s_way_back() -> None:
    generator = torch.Generator().manual_seed(0)
    first = torch.rand(2, 17, 5, generator=generator)
    first[..., 0] = 1
    first[..., 3:] = torch.nn.functional.normalize(first[..., 3:], dim=-1)
    first = visible(first)
    later = torch.stack([first, first + torch.tensor([0, 0.1, -0.1, 0, 0])], 1)
    assert torch.allclose(follow(first, motions(first, later)), visible(later), atol=1e-5)


def test_words_are_numbered_padded_and_cut() -> None:
    numbers = encode(["push the red moon", "xylophone", "the " * 100])
    assert numbers.shape == (3, MAX_WORDS)
    assert numbers[0, 4] == PAD and numbers[1, 0] == UNKNOWN


def test_a_small_denoiser_learns_one_batch(tmp_path: Path) -> None:
    torch.manual_seed(0)
    data = ClipData([record(tmp_path, 17, 400)])
    batch = next(batches(data, 16, 0))
    model = SlotDenoiser(width=64, layers=2, heads=2, text_layers=1)
    optimizer = torch.optim.AdamW(model.parameters(), 2e-3)
    values = []
    for _ in range(120):
        value, _ = loss(model, batch)
        optimizer.zero_grad()
        value.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        values.append(float(value.detach()))
    assert np.mean(values[-10:]) < 0.5 * np.mean(values[:10])


def test_the_renderer_draws_what_the_encoder_sees(pipeline: SlotVideoPipeline, board: np.ndarray) -> None:
    slots = torch.from_numpy(pipeline.encoder.see(board[None]))
    with torch.inference_mode():
        drawn = pipeline.renderer(visible(slots))[0].permute(1, 2, 0).numpy()
    assert np.abs(drawn - board / 255).mean() < 0.01


def test_sprites_that_are_the_same_are_drawn_once_and_look_the_same(
    pipeline: SlotVideoPipeline, board: np.ndarray
) -> None:
    slots = visible(torch.from_numpy(pipeline.encoder.see(board[None]))).repeat(6, 1, 1)
    slots[3:, 0, 1] += 0.3  # one block elsewhere in half of them
    drawn: list[int] = []
    hook = pipeline.renderer.sprite.register_forward_hook(lambda _, given, made: drawn.append(len(made)))
    with torch.no_grad():
        fewer = pipeline.renderer(slots)
    with torch.enable_grad():
        all_of_them = pipeline.renderer(slots)
    hook.remove()
    count = int(slots[0, :, 0].sum())
    assert drawn == [count + 1, 6 * count]
    assert torch.allclose(fewer, all_of_them, atol=1e-4)
