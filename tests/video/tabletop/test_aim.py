"""Pushes to a spot: the words they are imagined by, and clips turned and scaled to end there."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tasks.tabletop.language import UnknownInstruction, canonical, parse
from tasks.tabletop.language.instruction import Instruction, spot_of
from tasks.tabletop.seeing.slots import CENTER, PUSHER, SCALE, SLOTS
from tasks.tabletop.world.board import KINDS
from video.tabletop.aim import MOST, Aim, aimed, bent

MOON = KINDS.index("red_moon")


def board(x: float, y: float) -> torch.Tensor:
    """First slots [1, 17, 5] with the red moon at (x, y) metres and the pusher behind it."""
    first = torch.zeros(1, SLOTS, 5)
    for slot, place in ((MOON, (x, y)), (PUSHER, (x, y + 0.05))):
        first[0, slot, 0] = 1
        first[0, slot, 1:3] = torch.from_numpy((np.array(place) - CENTER) / SCALE)
    return first


def moved(first: torch.Tensor, step: tuple[float, float]) -> torch.Tensor:
    """A clip [1, 8, 17, 5] in which moon and pusher go by `step` metres."""
    clip = first[:, None].repeat(1, 8, 1, 1)
    share = torch.arange(1, 9)[:, None] / 8
    for slot in (MOON, PUSHER):
        clip[0, :, slot, 1:3] += share * torch.tensor(np.array(step) / SCALE, dtype=torch.float32)
    return clip


def metres(slots: torch.Tensor) -> np.ndarray:
    return np.asarray(slots.numpy() * SCALE + CENTER)


def test_a_spot_is_read_and_said() -> None:
    text = "push the red moon to the spot x 30.5 y -12"
    instruction = parse(text)
    assert instruction.family == "block2spot" and spot_of(str(instruction.fields["spot"])) == (0.305, -0.12)
    assert canonical(instruction) == text and instruction.blocks() == ("red_moon",)
    for wrong in ("x 90 y 0", "x one y 0", "x 30 y 0.123", "x nan y 0"):
        with pytest.raises(UnknownInstruction, match="spot x,y on the board"):
            parse(f"push the red moon to the spot {wrong}")
    with pytest.raises(ValueError, match="spot"):
        Instruction("block2spot", {"block": "red_moon", "spot": "nowhere"})


@pytest.mark.parametrize(
    ("spot", "words"),
    [("x 35 y -20", "push the red moon to the left"), ("x 35 y 8", "slightly push the red moon to the right"),
     ("x 20 y 0", "push the red moon up"), ("x 50 y 20", "push the red moon down and to the right")],
)  # fmt: skip
def test_the_nearest_push_in_words_is_imagined(spot: str, words: str) -> None:
    first = board(0.35, 0.0).repeat(2, 1, 1)
    texts, aims = aimed(["push the red moon up", f"push the red moon to the spot {spot}"], first)
    assert texts == ["push the red moon up", words] and [(aim.row, aim.block) for aim in aims] == [(1, MOON)]


def test_a_clip_ends_at_the_spot_and_the_pusher_stays_behind_the_block() -> None:
    first = board(0.35, 0.0)
    clip = moved(first, (0.0, -0.15))
    aim = Aim(0, MOON, (0.40, -0.12))
    done = bent(first, clip, [aim])
    assert metres(done[0, -1, MOON, 1:3]) == pytest.approx(np.array(aim.end), abs=1e-5)
    gap = metres(done[0, -1, PUSHER, 1:3]) - metres(done[0, -1, MOON, 1:3])
    way = np.array(aim.end) - np.array((0.35, 0.0))
    assert np.hypot(*gap) == pytest.approx(0.05, abs=1e-4)
    assert gap @ way / (np.hypot(*gap) * np.hypot(*way)) == pytest.approx(-1.0, abs=1e-4)
    assert torch.equal(bent(first, clip, []), clip)


def test_what_is_too_far_is_stopped_short_of_and_what_does_not_move_is_left() -> None:
    first = board(0.35, 0.0)
    done = bent(first, moved(first, (0.0, -0.10)), [Aim(0, MOON, (0.35, -0.28))])
    assert metres(done[0, -1, MOON, 1:3]) == pytest.approx(np.array((0.35, -0.10 * MOST)), abs=1e-5)
    still = moved(first, (0.0, -0.001))
    assert torch.equal(bent(first, still, [Aim(0, MOON, (0.35, -0.28))]), still)
