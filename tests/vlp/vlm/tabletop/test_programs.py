"""What carries out programs, learned: it can learn what it is shown, and what it proposes can be done."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tasks.tabletop.demos.played_programs import record_played_programs
from tasks.tabletop.goals.program import Program, ProgramGoal
from tasks.tabletop.goals.relations import InArea, NotMoved
from tasks.tabletop.language import parse
from tasks.tabletop.seeing import slots
from tasks.tabletop.world.board import KINDS
from tasks.tabletop.world.layout import random_layout
from vlp.vlm.tabletop.programs.model import ProgramNet
from vlp.vlm.tabletop.programs.parts import LATER, ProgramModel, ProgramProposer, ProgramValue
from vlp.vlm.tabletop.programs.train import PlayedData, batches, loss

LAYOUT, PUSHER = random_layout(np.random.default_rng(1_000_000))
FIRST = (InArea(("red_moon",), "left", "the red moon"),)
SECOND = (NotMoved(("blue_cube",), ((0.3, 0.1),), "the blue cube"),)


class Eye:
    """Sees the same board whatever it is shown."""

    def see(self, frames: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> np.ndarray:
        state = slots.from_poses(slots.pose_array(LAYOUT), np.array(PUSHER, np.float32))
        return np.repeat(state[None], len(frames), 0)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> PlayedData:
    return PlayedData([record_played_programs(tmp_path_factory.mktemp("data") / "a.npz", 11, 100)])


def small() -> Any:
    torch.manual_seed(0)
    return ProgramNet(width=64, layers=2, heads=4)


def model(*steps: tuple[object, ...]) -> ProgramModel:
    return ProgramModel(small(), Eye(), ProgramGoal(Program(steps or (FIRST,)), tuple(LAYOUT)))  # type: ignore[arg-type]


def frames(count: int) -> np.ndarray:
    return np.zeros((count, 96, 128, 3), np.uint8)


def test_it_learns_what_it_is_shown(data: PlayedData) -> None:
    """The pushed block of 32 boards, where to, and the steps."""
    net, batch = small(), next(batches(data, 32, 0))
    optimizer = torch.optim.AdamW(net.parameters(), 4e-3)
    _, before = loss(net, batch)
    for _ in range(80):
        value, parts = loss(net, batch)
        optimizer.zero_grad()
        value.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    assert parts["right"] > 0.9 and before["right"] < 0.5
    assert parts["off_mm"] < 0.4 * before["off_mm"] and parts["bins"] < 0.7 * before["bins"]


def test_relations_in_any_order_are_the_same(data: PlayedData) -> None:
    net, batch = small().eval(), dict(next(batches(data, 16, 1)))
    with torch.inference_mode():
        given = [batch[name] for name in ("slots", "kind", "words", "measures", "roles")]
        first = net(*given)
        second = net(given[0], *(tensor.flip(1) for tensor in given[1:]))
    torch.testing.assert_close(first.block, second.block, atol=1e-4, rtol=1e-3)
    torch.testing.assert_close(first.bins, second.bins, atol=1e-4, rtol=1e-3)


def test_what_is_asked_changes_what_is_done(data: PlayedData) -> None:
    """Blocks that a relation speaks of, its words and its numbers are all looked at."""
    net, batch = small().eval(), dict(next(batches(data, 16, 1)))
    names = ("slots", "kind", "words", "measures", "roles")
    with torch.inference_mode():
        first = net(*(batch[name] for name in names)).bins
        for name in names:
            changed = batch | {name: batch[name].roll(1, 0)}
            assert not torch.allclose(net(*(changed[n] for n in names)).bins, first, atol=1e-5), name


def test_proposals_are_distinct_pushes_of_blocks_that_are_there() -> None:
    proposer = ProgramProposer(model())
    (row, other) = proposer.propose(frames(2), "", [(), ()], 4, seed=0)
    texts = [proposal.text for proposal in row]
    assert len(texts) == 4 == len(set(texts))
    assert all(parse(text).family == "block2spot" and parse(text).blocks()[0] in LAYOUT for text in texts)
    assert [p.probability for p in row] == sorted((p.probability for p in row), reverse=True)
    again = proposer.propose(frames(2), "", [(), ()], 4, seed=0)
    assert again == [row, other] and proposer.propose(frames(1), "", [()], 4, seed=1) != [row]


def test_a_board_without_blocks_gets_no_proposal() -> None:
    class Blind:
        def see(self, frames: np.ndarray) -> np.ndarray:
            return np.zeros((len(frames), 17, 5), np.float32)

    empty = ProgramModel(small(), Blind(), ProgramGoal(Program((FIRST,)), ("red_moon",)))
    assert ProgramProposer(empty).propose(frames(1), "", [()], 4, seed=0) == [[]]


def test_steps_of_a_program_that_come_later_count() -> None:
    two = model(FIRST, SECOND)
    before = ProgramValue(two).steps_to_go(frames(1), "").mean[0]
    assert before > LATER
    two.goal.step = 1
    assert ProgramValue(two).steps_to_go(frames(1), "").mean[0] != before


def test_blocks_that_are_absent_are_never_pushed(data: PlayedData) -> None:
    net, batch = small().eval(), next(batches(data, 32, 2))
    with torch.inference_mode():
        found = net(*(batch[name] for name in ("slots", "kind", "words", "measures", "roles")))
    absent = batch["slots"][:, : len(KINDS), 0] < 0.5
    assert torch.isinf(found.block[:, :-1][absent]).all() and torch.isfinite(found.bins).all()


def test_weights_are_saved_and_loaded_whole(tmp_path: Path, data: PlayedData) -> None:
    net = small().eval()
    net.save_pretrained(tmp_path)
    again, batch = ProgramNet.from_pretrained(tmp_path).eval(), next(batches(data, 4, 0))
    names = ("slots", "kind", "words", "measures", "roles")
    with torch.inference_mode():
        one, other = (m(*(batch[name] for name in names)) for m in (net, again))
    torch.testing.assert_close(one.spot, other.spot)
