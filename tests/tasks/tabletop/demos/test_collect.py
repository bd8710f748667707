"""Demonstrations: always the same for a seed, true to what they say, failures among them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tasks.data.layout import DatasetError
from tasks.tabletop.demos.collect import PLAY, collect, demonstrate
from tasks.tabletop.demos.lerobot_read import RecordedEpisode, read_episodes
from tasks.tabletop.goals import BY_INSTRUCTION
from tasks.tabletop.language import parse
from tasks.tabletop.world.board import BLOCK_8, KINDS, MAX_DELTA


@pytest.mark.parametrize("kind", ["push", "play"])
def test_the_same_seed_gives_the_same_episode(kind: str) -> None:
    first, second = demonstrate(3, kind), demonstrate(3, kind)  # type: ignore[arg-type]
    assert first.instruction == second.instruction and first.subgoal == second.subgoal
    for name in ("rgb", "blocks", "effector", "action"):
        np.testing.assert_array_equal(getattr(first, name), getattr(second, name))


@pytest.mark.usefixtures("as_dots")
def test_a_push_says_what_it_does() -> None:
    episode = demonstrate(1, "push")
    on_board = [kind for kind, pose in zip(KINDS, episode.blocks[0], strict=True) if not np.isnan(pose[0])]
    asked, done = parse(episode.instruction, on_board), parse(episode.subgoal[0])
    assert set(asked.blocks()) == set(done.blocks()) <= set(on_board)
    assert episode.source == ("push" if episode.success else "failure")
    np.testing.assert_allclose(np.diff(episode.effector_target, axis=0), episode.action[:-1], atol=1e-6)
    assert np.abs(episode.action).max() <= MAX_DELTA + 1e-6


@pytest.mark.usefixtures("as_dots")
def test_play_is_several_pushes() -> None:
    episode = demonstrate(2, "play")
    assert episode.instruction == PLAY and episode.source == "play"
    assert len(set(episode.subgoal)) > 1


@pytest.mark.usefixtures("as_dots")
def test_families_are_kept_to() -> None:
    told = {
        parse(text).family
        for seed in range(3)
        for text in demonstrate(seed, "play", ("block2block",)).subgoal
    }
    assert told == {"block2block"}


def test_what_cannot_be_done_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tasks.tabletop.demos.collect.kinds.feasible", lambda *_: False)
    monkeypatch.setattr("tasks.tabletop.demos.collect.TRIES", 5)
    with pytest.raises(DatasetError, match="expected a push of block2line that can be done, got none"):
        demonstrate(1, "push", ("block2line",))


@pytest.mark.usefixtures("as_dots")
def test_a_long_task_is_scored_by_its_own_rule() -> None:
    episode = demonstrate(0, "long")
    poses = {name: episode.blocks[-1, KINDS.index(name), :2].astype(float) for name in BLOCK_8}
    assert episode.success == (BY_INSTRUCTION[episode.instruction].reward(poses) >= 1.0)


def test_collect_tells_its_progress(tmp_path: Path) -> None:
    seen: list[RecordedEpisode] = []
    done = collect(tmp_path / "data", episodes=3, kind="push", first_seed=10, progress=seen.append)
    episodes = list(read_episodes(tmp_path / "data"))
    assert len(seen) == len(episodes) == 3 and done == sum(episode.success for episode in episodes)
    np.testing.assert_array_equal(episodes[1].action, demonstrate(11, "push").action)
