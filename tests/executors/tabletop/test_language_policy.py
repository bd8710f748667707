"""The policy that acts on words alone: its data under symmetries, its learning, its pictures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from executors.tabletop.language_policy import LanguagePolicy, WordsPolicy
from executors.tabletop.train_language_policy import ClonedSteps, batches, loss
from tasks.tabletop.demos.rollouts import Rollouts, record
from tasks.tabletop.goals import BY_INSTRUCTION
from tasks.tabletop.language import parse
from tasks.tabletop.seeing.slots import PUSHER, SLOTS, places
from tasks.tabletop.world.board import KINDS

WORDS = "push the red moon to the blue cube"


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("rollouts")
    return [record(folder, seed, 1200) for seed in (3, 4)]


@pytest.fixture(scope="module")
def data(shards: list[Path]) -> ClonedSteps:
    return ClonedSteps(shards)


def test_steps_are_told_a_push_or_a_long_task_of_blocks_that_are_there(data: ClonedSteps) -> None:
    rng = np.random.default_rng(0)
    whole = 0
    for _ in range(60):
        state, text, action = data.draw(rng)
        assert state.shape == (SLOTS, 5) and action.shape == (2,) and np.abs(action).max() <= 0.1
        if text in BY_INSTRUCTION:
            whole += 1
            assert np.abs(action).max() > 0  # cloned pauses would be for ever
        else:
            table = [kind for kind, there in zip(KINDS, state[:, 0], strict=False) if there]
            assert set(parse(text, table).blocks()) <= set(table)
    assert 10 < whole < 50


def test_a_mirrored_board_has_the_mirrored_action(data: ClonedSteps, shards: list[Path]) -> None:
    rollouts = [Rollouts.load(path) for path in shards]
    effector, action = (
        np.concatenate([getattr(r, name) for r in rollouts]) for name in ("effector", "action")
    )
    rng = np.random.default_rng(1)
    sides = set()
    for _ in range(200):
        state, _, drawn = data.draw(rng)
        x, y = places(state)[PUSHER]
        gaps = np.abs(np.stack([effector[:, 0], np.abs(effector[:, 1])], 1) - (x, abs(y)))
        step = int(gaps.sum(1).argmin())
        if abs(y) < 0.01 or np.abs(action[step]).min() < 1e-4:
            continue
        side = np.sign(effector[step, 1] * y)
        assert np.allclose(drawn, action[step] * (1, side), atol=1e-5)
        sides.add(float(side))
    assert sides == {-1.0, 1.0}


def test_it_learns_a_batch(data: ClonedSteps) -> None:
    torch.manual_seed(0)
    policy = LanguagePolicy(width=32, layers=2, heads=2, text_layers=1)
    batch = next(batches(data, 32, 0))
    optimizer = torch.optim.Adam(policy.parameters(), 3e-3)
    errors = []
    for _ in range(120):
        value, logs = loss(policy, batch)
        optimizer.zero_grad()
        value.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        errors.append(logs["mean_error_mm"])
    assert errors[-1] < 0.6 * errors[0]


def test_it_heeds_words_and_not_what_is_absent() -> None:
    torch.manual_seed(0)
    policy = LanguagePolicy(width=32, layers=2, heads=2, text_layers=1).eval()
    torch.nn.init.normal_(policy.readout)

    class Eye:
        def see(self, frames: np.ndarray) -> np.ndarray:
            slots = np.zeros((len(frames), SLOTS, 5), np.float32)
            slots[:, PUSHER, 0] = 1
            slots[:, 2] = (1, 0.2, 0.1, 1, 0)
            slots[:, 5, 1] = frames.mean()  # of a block that is not there
            assert np.isfinite(places(slots)).all()
            return slots

    words = WordsPolicy(Eye(), policy)
    dark, light = np.zeros((96, 128, 3), np.uint8), np.full((96, 128, 3), 200, np.uint8)
    action = words.action(dark, WORDS)
    assert action.shape == (2,) and np.abs(action).max() <= 0.1
    assert np.array_equal(action, words.action(light, WORDS))
    assert not np.array_equal(action, words.action(dark, "point at the red moon"))


def test_weights_come_back(tmp_path: Path) -> None:
    policy = LanguagePolicy(width=32, layers=1, heads=2, text_layers=1)
    policy.save_pretrained(tmp_path)
    again = LanguagePolicy.from_pretrained(tmp_path)
    assert all(torch.equal(a, b) for a, b in zip(policy.parameters(), again.parameters(), strict=True))
