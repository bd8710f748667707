"""Clips that are told the whole long task."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tasks.tabletop.demos.rollouts import record
from tasks.tabletop.goals import BY_INSTRUCTION
from tasks.tabletop.seeing.slots import PUSHER, SLOTS
from video.tabletop.clips import FRAMES, batches
from video.tabletop.whole_clips import WholeClipData


def test_clips_of_long_tasks_go_on_over_several_pushes(tmp_path: Path) -> None:
    data = WholeClipData([record(tmp_path, seed, 1200) for seed in (3, 4)])
    assert len(data) >= 1
    rng = np.random.default_rng(0)
    moved = []
    for _ in range(40):
        clip, text = data.draw(rng)
        assert clip.shape == (FRAMES + 1, SLOTS, 5) and text in BY_INSTRUCTION
        moved.append(np.abs(np.diff(clip[:, :PUSHER, 1:3], axis=0)).max((0, 2)))
    several = [(gaps > 0.05).sum() >= 2 for gaps in moved]
    assert any(several) and any(gaps.max() > 0.05 for gaps in moved)
    batch = next(batches(data, 4, 0))
    assert batch["clips"].shape == (4, FRAMES + 1, SLOTS, 5) and batch["words"].shape[0] == 4
