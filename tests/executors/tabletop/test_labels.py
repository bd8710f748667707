"""The policy's teacher, and that a small policy learns from it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from executors.tabletop.dagger import record_corrections
from executors.tabletop.labels import CHUNK, expert, record_labels
from executors.tabletop.policy import SlotPolicy
from executors.tabletop.train_policy import batches, loss
from tasks.tabletop.demos.rollouts import record


def test_the_expert_pushes_what_is_to_move_and_goes_where_nothing_is() -> None:
    blocks = {"red_cube": np.array([0.35, 0.0])}
    behind = np.array([0.35, -0.05])
    pushed = expert(blocks, behind, {"red_cube": np.array([0.35, 0.05])}, behind)
    assert pushed[1] > 0.005 and abs(pushed[0]) < 0.003
    free = expert(blocks, behind, dict(blocks), np.array([0.45, -0.2]))
    assert free[0] > 0.005 and free[1] < -0.005


def test_a_small_policy_learns_its_labels(tmp_path: Path) -> None:
    torch.manual_seed(0)
    shard = record(tmp_path, 28, 300)
    labels = record_labels(tmp_path / "labels-000.npz", 1, 200, [shard])
    policy = SlotPolicy(width=64, layers=2, heads=2)
    corrections = record_corrections(tmp_path / "corrections-000.npz", policy, 2, 60, [shard])
    with np.load(labels) as data:
        assert data["actions"].shape == (200, CHUNK, 2) and np.abs(data["actions"]).max() <= 0.1
    source = batches([labels], [corrections], 64, 0)
    batch = next(source)
    same = (batch["now"] == batch["wanted"]).all(-1)[:, :-1].sum(1)
    present = (batch["now"][:, :-1, 0] > 0.5).sum(1)
    # All blocks but the one to be pushed are wanted exactly where they are seen.
    assert (same >= 16 - 2).all() and (same[present >= 3] < 16).float().mean() > 0.9
    optimizer = torch.optim.AdamW(policy.parameters(), 2e-3)
    values = []
    for _ in range(80):
        value, _ = loss(policy, next(source))
        optimizer.zero_grad()
        value.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        values.append(float(value.detach()))
    assert np.mean(values[-10:]) < 0.8 * np.mean(values[:10])
