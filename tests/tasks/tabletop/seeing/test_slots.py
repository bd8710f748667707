"""Slots: poses become slots and places come back, whatever is absent; look-alike turns are alike."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from tasks.tabletop.seeing.slots import ORDERS, PUSHER, SLOTS, from_poses, places, pose_array
from tasks.tabletop.world.board import BLOCK_8, KINDS, shape_of
from tasks.tabletop.world.layout import random_layout
from tasks.tabletop.world.shapes import symmetry


def test_round_trip() -> None:
    rng = np.random.default_rng(0)
    blocks, effector = random_layout(rng)
    poses = pose_array(blocks)
    slots = from_poses(poses, np.array(effector, np.float32))
    assert slots.shape == (SLOTS, 5) and slots.dtype == np.float32
    present = slots[:PUSHER, 0] > 0.5
    assert {kind for kind, there in zip(KINDS, present, strict=True) if there} == set(BLOCK_8)
    where = places(slots)
    np.testing.assert_allclose(where[:PUSHER][present], poses[present, :2], atol=1e-6)
    np.testing.assert_allclose(where[PUSHER], effector, atol=1e-6)
    turn = np.arctan2(slots[:PUSHER, 4], slots[:PUSHER, 3])[present] / ORDERS[present]
    # The yaw comes back up to a turn that looks the same.
    whole = 2 * np.pi / ORDERS[present]
    away = (turn - poses[present, 2] + whole / 2) % whole - whole / 2
    np.testing.assert_allclose(away, 0, atol=1e-5)


def test_absent_slots_are_zero() -> None:
    slots = from_poses(pose_array({}), np.array([0.35, 0.0], np.float32))
    assert not slots[:PUSHER].any()
    np.testing.assert_array_equal(slots[PUSHER], [1, 0, 0, 0, 0])


def test_batches_are_like_single_ones() -> None:
    rng = np.random.default_rng(1)
    boards = [random_layout(rng) for _ in range(3)]
    poses = np.stack([pose_array(blocks) for blocks, _ in boards])
    effectors = np.array([effector for _, effector in boards], np.float32)
    together = from_poses(poses, effectors)
    assert together.shape == (3, SLOTS, 5)
    for one, pose, effector in zip(together, poses, effectors, strict=True):
        np.testing.assert_array_equal(one, from_poses(pose, effector))


@pytest.mark.parametrize("kind", ["red_moon", "blue_cube", "green_star", "yellow_pentagon"])
def test_turns_that_look_alike_are_alike(kind: str) -> None:
    order = symmetry(shape_of(kind))
    effector = np.array([0.3, 0.1], np.float32)

    def turned(yaw: float) -> NDArray[np.float32]:
        return from_poses(pose_array({kind: (0.4, -0.1, yaw)}), effector)

    np.testing.assert_allclose(turned(0.3), turned(0.3 + 2 * np.pi / order), atol=1e-5)
    assert np.abs(turned(0.3) - turned(0.3 + np.pi / order)).max() > 0.5


def test_an_unknown_block_is_refused() -> None:
    with pytest.raises(ValueError, match="tuple"):
        pose_array({"pink_moon": (0.3, 0.0, 0.0)})
