"""What tests of demonstrations share: a camera for those that look at what was done and not at pictures."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest
from numpy.typing import NDArray

from tasks.tabletop.world.world import World


def dots(world: World, height: int = 96, width: int = 128) -> NDArray[np.uint8]:
    """A dot for each block and for the pusher, to the millimetre where they are."""
    picture = np.zeros((height, width, 3), np.uint8)
    at = [*sorted(world.poses().items()), ("pusher", (*world.effector().tolist(), 0.0))]
    for number, (name, (x, y, yaw)) in enumerate(at):
        told = np.array([1000 * x, 1000 * y, 100 * yaw, sum(name.encode())]).round().astype(np.int64)
        picture[4 * number : 4 * number + 4, :16] = np.repeat(told[:, None] % 251, 16, 1)[..., None]
    return picture


@contextmanager
def drawn_as_dots() -> Iterator[None]:
    """While it lasts, the simulated camera draws in a moment what takes a renderer most of a test."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(World, "render", dots)
        yield


@pytest.fixture
def as_dots() -> Iterator[None]:
    """See drawn_as_dots."""
    with drawn_as_dots():
        yield
