"""A small world of its own: a bright square that goes where it is told, 32x32 pixels."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tasks.tabletop.demos.lerobot_write import LeRobotWriter, RecordedEpisode
from video.latent.ends import SUBGOAL, TASK
from video.latent.store import FrameStore, pack

WAYS = {"go right": (0, 1), "go down": (1, 0)}


def square(rng: np.random.Generator, words: str, poses: float = 0.0) -> RecordedEpisode:
    """24 frames; the action is how far the square goes. `poses` fills the columns of states."""
    way, place = np.array(WAYS[words], np.float32), rng.integers(2, 10, 2).astype(np.float32)
    rgb = np.full((24, 32, 32, 3), 60, np.uint8)
    for frame in rgb:
        y, x = place.astype(int)
        frame[y : y + 6, x : x + 6] = (230, 200, 40)
        place = np.minimum(place + way * 0.75, 25)
    return RecordedEpisode(
        rgb=rgb,
        effector=np.full((24, 2), poses, np.float32),
        effector_target=np.full((24, 2), poses, np.float32),
        action=np.tile(way * 0.75, (24, 1)).astype(np.float32),
        blocks=np.full((24, 16, 3), poses, np.float32),
        instruction=words,
        subgoal=(words,) * 24,
        success=True,
        source="push",
    )


def write(root: Path, poses: float = 0.0, *, fps: int = 10) -> Path:
    """Eight episodes."""
    rng = np.random.default_rng(0)
    with LeRobotWriter(root, fps=fps) as writer:
        for number in range(8):
            writer.add(square(rng, list(WAYS)[number % 2], poses))
    return root


def without_actions(root: Path) -> Path:
    """Take the column out of a dataset."""
    path = root / "meta/info.json"
    about = json.loads(path.read_text())
    del about["features"]["action"]
    path.write_text(json.dumps(about))
    for file in (root / "data").rglob("*.parquet"):
        pq.write_table(pq.read_table(file).drop_columns(["action"]), file)
    return root


@pytest.fixture(scope="module")
def squares(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset."""
    return write(tmp_path_factory.mktemp("squares") / "data")


def failing(root: Path) -> Path:
    """A dataset whose odd episodes failed."""
    for file in (root / "meta" / "episodes").rglob("*.parquet"):
        table = pq.read_table(file)
        at = table.column_names.index("success")
        said = [number % 2 == 0 for number in range(len(table))]
        pq.write_table(table.set_column(at, "success", pa.array(said)), file)
    return root


def half_failed(folder: Path) -> FrameStore:
    """A packed dataset of which half of the episodes failed."""
    return pack([failing(write(folder / "data"))], folder / "store", report=lambda _: None)


def two_subgoals(store: FrameStore) -> FrameStore:
    """Each episode's first half is of another subgoal."""
    text = np.array(store.text)
    for start, stop in zip(store.start, store.stop, strict=True):
        text[start : (start + stop) // 2, SUBGOAL] = 1 - text[start, TASK]
    return FrameStore(**{**vars(store), "text": text})
