"""Datasets and videos come back as they were written, also after an interruption."""

from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import av
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from numpy.typing import NDArray

from tasks.data.video_file import VideoFileError, VideoWriter, read_frames, read_video, write_video
from tasks.tabletop.demos.lerobot_read import CAMERA, read_episodes
from tasks.tabletop.demos.lerobot_write import DatasetError, LeRobotWriter, RecordedEpisode
from tasks.tabletop.world.board import KINDS

HEIGHT, WIDTH = 96, 128


def moving_squares(steps: int, seed: int) -> NDArray[np.uint8]:
    """Three coloured 9 px squares that wander over a grey board: uint8 [T, 96, 128, 3]."""
    rng = np.random.default_rng(seed)
    frames = np.full((steps, HEIGHT, WIDTH, 3), rng.integers(100, 200), np.uint8)
    for color in ((220, 30, 30), (20, 160, 60), (40, 60, 220)):
        row, column = rng.integers(10, 80), rng.integers(10, 110)
        for frame in frames:
            row, column = np.clip(np.array([row, column]) + rng.integers(-2, 3, 2), 0, [86, 118])
            frame[row : row + 9, column : column + 9] = color
    return frames


def make_episode(steps: int, seed: int) -> RecordedEpisode:
    rng = np.random.default_rng(seed)
    blocks = rng.uniform(-1, 1, (steps, len(KINDS), 3)).astype(np.float32)
    blocks[:, 4:] = np.nan
    vectors = rng.uniform(-0.3, 0.3, (3, steps, 2)).astype(np.float32)
    return RecordedEpisode(
        rgb=moving_squares(steps, seed),
        effector=vectors[0],
        effector_target=vectors[1],
        action=vectors[2],
        blocks=blocks,
        instruction=f"make a line {seed % 2}",
        subgoal=tuple(f"push block {step // 4}" for step in range(steps)),
        success=seed % 2 == 0,
        source="long" if seed % 2 else "push",
    )


EPISODES = [make_episode(steps, seed) for seed, steps in enumerate((12, 7, 1, 25, 9))]


def write(root: Path, episodes: list[RecordedEpisode], *, frames_per_file: int = 20) -> None:
    with LeRobotWriter(root, frames_per_file=frames_per_file) as writer:
        for episode in episodes:
            writer.add(episode)


def assert_frames_close(got: NDArray[np.uint8], expected: NDArray[np.uint8]) -> None:
    assert got.shape == expected.shape and got.dtype == np.uint8
    error = np.abs(got.astype(int) - expected.astype(int))
    assert error.mean() < 1.5
    assert np.quantile(error, 0.999) < 32


def assert_same(got: RecordedEpisode, expected: RecordedEpisode) -> None:
    assert_frames_close(got.rgb, expected.rgb)
    for field in fields(RecordedEpisode):
        a, b = getattr(got, field.name), getattr(expected, field.name)
        if field.name == "rgb":
            continue
        if isinstance(b, np.ndarray):
            assert a.dtype == b.dtype
            np.testing.assert_array_equal(a, b)
        else:
            assert a == b


def episode_rows(root: Path) -> list[dict[str, Any]]:
    files = sorted((root / "meta/episodes").glob("*/*.parquet"))
    return [row for file in files for row in pq.read_table(file).to_pylist()]


def frame_at(path: Path, seconds: float) -> NDArray[np.uint8]:
    """The frame shown at a time, found as LeRobot does: key frame before it, then nearest time."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        assert stream.time_base is not None
        container.seek(int(seconds / stream.time_base), stream=stream)
        frames = [(frame.time or 0.0, frame.to_ndarray(format="rgb24")) for frame in container.decode(stream)]
    time, pixels = min(frames, key=lambda found: abs(found[0] - seconds))
    assert abs(time - seconds) < 1e-4
    return np.asarray(pixels, dtype=np.uint8)


@pytest.mark.parametrize("frames_per_file", [5000, 20, 1])
def test_round_trip(tmp_path: Path, frames_per_file: int) -> None:
    write(tmp_path / "set", EPISODES, frames_per_file=frames_per_file)
    got = list(read_episodes(tmp_path / "set"))
    assert len(got) == len(EPISODES)
    for a, b in zip(got, EPISODES, strict=True):
        assert_same(a, b)


def test_info_agrees_with_the_files(tmp_path: Path) -> None:
    write(tmp_path, EPISODES)
    info = json.loads((tmp_path / "meta/info.json").read_text())
    total = sum(map(len, EPISODES))
    assert (info["codebase_version"], info["fps"]) == ("v3.0", 10)
    assert (info["total_episodes"], info["total_frames"], info["total_tasks"]) == (5, total, 2)
    assert info["splits"] == {"train": "0:5"}
    assert info["features"][CAMERA]["shape"] == [HEIGHT, WIDTH, 3]
    files = sorted((tmp_path / "data").glob("*/*.parquet"))
    tables = [pq.read_table(file) for file in files]
    names = {key for key, feature in info["features"].items() if feature["dtype"] != "video"}
    assert all(set(table.column_names) == names for table in tables)
    steps = [row for table in tables for row in table.to_pylist()]
    assert [row["index"] for row in steps] == list(range(total))
    assert [row["timestamp"] for row in steps] == pytest.approx([row["frame_index"] / 10 for row in steps])
    assert sum(row["next.done"] for row in steps) == 5
    assert sum(row["next.success"] for row in steps) == sum(episode.success for episode in EPISODES)


def test_episode_times_point_at_their_frames(tmp_path: Path) -> None:
    write(tmp_path, EPISODES)
    info = json.loads((tmp_path / "meta/info.json").read_text())
    start = 0
    for row, episode in zip(episode_rows(tmp_path), EPISODES, strict=True):
        assert (row["dataset_from_index"], row["dataset_to_index"]) == (start, start + len(episode))
        start += len(episode)
        key = f"videos/{CAMERA}"
        first, end = row[f"{key}/from_timestamp"], row[f"{key}/to_timestamp"]
        assert end - first == pytest.approx(len(episode) / 10)
        place = {name: row[f"{key}/{name}"] for name in ("chunk_index", "file_index")}
        path = tmp_path / info["video_path"].format(video_key=CAMERA, **place)
        assert_frames_close(frame_at(path, first), episode.rgb[0])
        assert_frames_close(frame_at(path, end - 0.1), episode.rgb[-1])


def test_stats_are_those_of_all_steps(tmp_path: Path) -> None:
    write(tmp_path, EPISODES)
    stats = json.loads((tmp_path / "meta/stats.json").read_text())
    action = np.concatenate([episode.action for episode in EPISODES]).astype(np.float64)
    assert stats["action"]["mean"] == pytest.approx(action.mean(0).tolist())
    assert stats["action"]["std"] == pytest.approx(action.std(0).tolist())
    assert stats["action"]["max"] == pytest.approx(action.max(0).tolist())
    assert stats["action"]["count"] == [len(action)]
    blocks = stats["observation.environment_state"]
    assert blocks["min"][12:] == [0.0] * 36 and min(blocks["std"][:12]) > 0.0
    image = np.concatenate([episode.rgb for episode in EPISODES]) / 255
    assert np.shape(stats[CAMERA]["mean"]) == (3, 1, 1)
    assert np.ravel(stats[CAMERA]["mean"]) == pytest.approx(image.mean((0, 1, 2)))


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
def test_interruption_leaves_the_finished_episodes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: type[BaseException]
) -> None:
    def broken(video: VideoWriter, frames: NDArray[np.uint8]) -> None:
        write_frames(video, frames[:3])
        raise error

    write_frames = VideoWriter.write
    writer = LeRobotWriter(tmp_path)
    with pytest.raises(error), writer:
        writer.add(EPISODES[0])
        monkeypatch.setattr(VideoWriter, "write", broken)
        with pytest.raises(error):
            writer.add(EPISODES[3])
        monkeypatch.undo()
        writer.add(EPISODES[1])
        raise error
    got = list(read_episodes(tmp_path))
    assert len(got) == 2
    assert_same(got[0], EPISODES[0])
    assert_same(got[1], EPISODES[1])
    assert not list(tmp_path.rglob("*.part")) and not list(tmp_path.rglob(".*"))


def test_a_writer_that_is_killed_leaves_its_closed_files(tmp_path: Path) -> None:
    writer = LeRobotWriter(tmp_path, frames_per_file=20)
    for episode in EPISODES[:4]:
        writer.add(episode)
    assert len(list(read_episodes(tmp_path))) == 3
    writer.close()
    assert len(list(read_episodes(tmp_path))) == 4


def test_no_episode_leaves_nothing(tmp_path: Path) -> None:
    write(tmp_path / "set", [])
    assert not list((tmp_path / "set").iterdir())
    with pytest.raises(DatasetError, match=r"info\.json"):
        next(read_episodes(tmp_path / "set"))


def test_bad_folders_are_refused(tmp_path: Path) -> None:
    (tmp_path / "note.txt").write_text("mine")
    with pytest.raises(DatasetError, match=r"empty or new folder, got .*note\.txt"):
        LeRobotWriter(tmp_path)
    with pytest.raises(DatasetError, match="folder that can be written") as caught:
        LeRobotWriter(tmp_path / "note.txt" / "set")
    assert "\n" not in str(caught.value)
    assert (tmp_path / "note.txt").read_text() == "mine"


def test_an_empty_folder_is_given_to_one_writer_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All look into it before any of them makes something there."""
    at_once, looked = 8, threading.Barrier(8)
    real = Path.iterdir
    first = threading.local()

    def iterdir(path: Path) -> Any:
        found = list(real(path))
        if not hasattr(first, "look"):
            first.look = looked.wait(timeout=30)
        return iter(found)

    def claim(_: int) -> LeRobotWriter | str:
        try:
            return LeRobotWriter(tmp_path)
        except DatasetError as error:
            return str(error)

    monkeypatch.setattr(Path, "iterdir", iterdir)
    with ThreadPoolExecutor(at_once) as pool:
        claimed = list(pool.map(claim, range(at_once)))
    (writer,) = [one for one in claimed if isinstance(one, LeRobotWriter)]
    assert all("expected an empty or new folder" in one for one in claimed if isinstance(one, str))
    writer.add(EPISODES[0])
    writer.close()
    assert len(list(read_episodes(tmp_path))) == 1


def test_a_folder_that_was_filled_since_the_first_look_is_left_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def late(path: Path, **more: Any) -> None:
        patch.undo()
        write(tmp_path, EPISODES[:1])
        path.touch(**more)

    with monkeypatch.context() as patch, pytest.raises(DatasetError, match="expected an empty or new folder"):
        patch.setattr(Path, "touch", late)
        LeRobotWriter(tmp_path)
    assert not list(tmp_path.glob(".writing*")) and len(list(read_episodes(tmp_path))) == 1


def test_bad_episodes_are_refused(tmp_path: Path) -> None:
    good = EPISODES[0]
    with pytest.raises(DatasetError, match=r"action \[12, 2\], got \[11, 2\]"):
        replace(good, action=good.action[1:])
    with pytest.raises(DatasetError, match="finite"):
        replace(good, effector=np.full_like(good.effector, np.nan))
    with pytest.raises(DatasetError, match="12 subgoals"):
        replace(good, subgoal=("push",))
    with LeRobotWriter(tmp_path) as writer:
        writer.add(good)
        with pytest.raises(DatasetError, match="as before"):
            writer.add(replace(good, rgb=good.rgb[:, :48]))
    with pytest.raises(DatasetError, match="closed"):
        writer.add(good)
    assert len(list(read_episodes(tmp_path))) == 1


def test_damage_is_named(tmp_path: Path) -> None:
    write(tmp_path, EPISODES)
    video = next(tmp_path.rglob("*.mp4"))
    video.write_bytes(video.read_bytes()[:100])
    with pytest.raises(DatasetError, match=video.name):
        list(read_episodes(tmp_path))


def test_a_column_that_is_not_there_or_wrong_is_named(tmp_path: Path) -> None:
    write(tmp_path, EPISODES[:1])
    path = next((tmp_path / "data").rglob("*.parquet"))
    table = pq.read_table(path)
    at = table.column_names.index("subgoal_index")
    pq.write_table(table.set_column(at, "subgoal_index", pa.array([-1] * len(table))), path)
    with pytest.raises(DatasetError, match="subgoal_index of episode 0, got -1 to -1"):
        list(read_episodes(tmp_path))
    pq.write_table(table.drop_columns(["action"]), path)
    with pytest.raises(DatasetError, match="without action"):
        list(read_episodes(tmp_path))
    about = json.loads((tmp_path / "meta/info.json").read_text())
    (tmp_path / "meta/info.json").write_text(json.dumps(about | {"fps": 0}))
    with pytest.raises(DatasetError, match="expected fps above 0"):
        list(read_episodes(tmp_path))


@pytest.mark.parametrize("pixel_format", ["yuv420p", "yuv444p"])
def test_video_round_trip(tmp_path: Path, pixel_format: Any) -> None:
    frames = moving_squares(23, 0)
    write_video(tmp_path / "a.mp4", frames, 10, pixel_format=pixel_format)
    got = read_video(tmp_path / "a.mp4")
    assert got.shape == frames.shape
    assert np.abs(got.astype(int) - frames.astype(int)).mean() < 2
    some = read_frames(tmp_path / "a.mp4", np.arange(13, 17) / 10, tolerance=0.02)
    np.testing.assert_array_equal(some, got[13:17])


def test_video_errors_are_named(tmp_path: Path) -> None:
    frames = moving_squares(3, 0)
    with pytest.raises(VideoFileError, match="even"):
        write_video(tmp_path / "a.mp4", frames[:, 1:], 10)
    with pytest.raises(VideoFileError, match="T >= 1"):
        write_video(tmp_path / "a.mp4", frames[:0], 10)
    with pytest.raises(VideoFileError, match=r"none\.mp4"):
        read_video(tmp_path / "none.mp4")
    write_video(tmp_path / "a.mp4", frames, 10)
    with pytest.raises(VideoFileError, match=r"expected 4 frames .* got none at 0\.300 s"):
        read_frames(tmp_path / "a.mp4", np.arange(4) / 10, tolerance=0.02)
