"""Datasets of any maker, version, codec, size and number of cameras are read frame by frame."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tasks.data.dataset_about import read_about
from tasks.data.fitting import CameraView, learnable, letterboxed
from tasks.data.footage import count_episodes, read_footage
from tasks.data.layout import DatasetError
from tests.tasks.data.lerobot_sets import JOINTS, WRITERS, Made, Shot, action, shown, write_v3, write_v21

TWO = (Shot(), Shot("observation.images.wrist", (60, 80), "av1"))


def check(root: Path, made: Made, camera: str | None = None) -> None:
    """Every frame is that of its time, with its own action and task."""
    seen = list(read_footage(root, camera))
    assert count_episodes(root, camera) == len(seen) == len(made.lengths)
    for number, footage in enumerate(seen):
        frames = list(range(made.lengths[number]))
        assert shown(footage.rgb) == frames
        assert footage.actions is not None and footage.actions.dtype == np.float32
        assert footage.actions.tolist() == [action(number, k) for k in frames]
        assert footage.task == made.tasks[number % 2] and footage.fps == made.fps and footage.success


@pytest.mark.parametrize("version", WRITERS)
@pytest.mark.parametrize(
    ("codec", "size"),
    [
        ("h264", (48, 64)),
        ("h264-444", (47, 63)),
        ("hevc", (48, 64)),
        ("av1", (96, 128)),
        ("av1", (65, 97)),
        ("png", (47, 63)),
    ],
)
def test_every_codec_and_odd_sizes(version: str, codec: str, size: tuple[int, int], tmp_path: Path) -> None:
    made = Made([Shot(size=size, codec=codec)])
    root = WRITERS[version](tmp_path / "set", made)
    check(root, made)
    assert next(read_footage(root)).rgb.shape[1:] == (*size, 3)


@pytest.mark.parametrize("version", WRITERS)
def test_times_that_are_off_find_their_frames(version: str, tmp_path: Path) -> None:
    """By a tenth of a period, back and forth; by more than a quarter they are refused with their episode."""
    made = Made(jitter=0.1 / 30)
    check(WRITERS[version](tmp_path / "set", made), made)
    WRITERS[version](tmp_path / "off", Made(jitter=0.2 / 30))
    with pytest.raises(DatasetError, match=r"column timestamp of .*, episode 0"):
        list(read_footage(tmp_path / "off"))


@pytest.mark.parametrize("version", WRITERS)
def test_several_cameras_one_or_side_by_side(version: str, tmp_path: Path) -> None:
    made = Made(TWO)
    root = WRITERS[version](tmp_path / "set", made)
    with pytest.raises(DatasetError, match=r"one of 2 cameras .*front, .*wrist"):
        list(read_footage(root))
    check(root, made, "front")  # what follows the last dot is enough
    check(root, made, "observation.images.wrist")
    both = next(read_footage(root, "front,wrist")).rgb
    assert both.shape[1:] == (48, 128, 3)  # the second is brought to the first one's height
    assert shown(both[:, :, :64]) == list(range(12))
    assert abs(int(both[0, -4, 32, 0]) - 100) < 8 and abs(int(both[0, -4, 96, 0]) - 160) < 8
    other = next(read_footage(root, "wrist,front@40x120")).rgb
    assert other.shape[1:] == (40, 120, 3)
    assert abs(int(other[0, -4, 30, 0]) - 160) < 8


@pytest.mark.parametrize("camera", ["ceiling", "front,ceiling", "front,front", "front@96", "images"])
def test_a_camera_that_is_not_there_is_refused(camera: str, tmp_path: Path) -> None:
    write_v3(tmp_path / "set", Made(TWO))
    with pytest.raises(DatasetError, match="expected"):
        list(read_footage(tmp_path / "set", camera))


def test_pictures_are_fitted_without_being_stretched(tmp_path: Path) -> None:
    write_v3(tmp_path / "set", Made())
    rgb = next(read_footage(tmp_path / "set", "@48x96")).rgb
    assert rgb.shape[1:] == (48, 96, 3)
    assert rgb[:, :, :16].max() == 0 and rgb[:, :, 80:].max() == 0  # bars
    assert rgb[:, -4, 20:76].min() > 80


def test_sizes_that_can_be_learned_from() -> None:
    assert learnable([(96, 128)]) is None
    assert learnable([(480, 640)]) == (120, 160)  # no bars
    assert learnable([(480, 640), (480, 640)]) == (80, 208)
    for sizes in ([(95, 127)], [(1080, 1920)], [(480, 640)] * 3, [(17, 900)], [(1, 1)], [(4000, 30)]):
        height, width = learnable(sizes) or (0, 0)
        assert height % 8 == width % 8 == 0 < height and height * width <= 160 * 128


def test_a_picture_keeps_its_proportions() -> None:
    red = np.zeros((40, 40, 3), np.uint8)
    red[10:20, 10:20, 0] = 255
    small = letterboxed(red, (20, 60))
    assert np.argwhere(small[..., 0] > 128).tolist() == [[y, x] for y in range(5, 10) for x in range(25, 30)]
    assert str(CameraView.parse("a, b@3x4")) == "a,b@3x4"


@pytest.mark.parametrize("version", ["v2.0", "v2.1"])
def test_versions_2_say_what_they_are(version: str, tmp_path: Path) -> None:
    root = write_v21(tmp_path / "set", Made(names={"motors": list(JOINTS)}), version)
    assert read_about(root).action_names == JOINTS
    (root / "meta/episodes.jsonl").write_text('{"episode_index": 0}\n[1]\n')
    with pytest.raises(DatasetError, match=r"a line of JSON for each episode|3 episodes"):
        list(read_footage(root))
    (root / "meta/episodes.jsonl").unlink()
    with pytest.raises(DatasetError, match="a line of JSON for each episode"):
        list(read_footage(root))


def test_an_episode_of_version_2_whose_video_is_missing_is_named(tmp_path: Path) -> None:
    root = write_v21(tmp_path / "set", Made())
    (root / "videos/chunk-000/observation.images.front/episode_000001.mp4").unlink()
    with pytest.raises(DatasetError, match=r"episode 1, column observation\.images\.front"):
        list(read_footage(root))


def test_another_version_is_refused(tmp_path: Path) -> None:
    root = write_v3(tmp_path / "set", Made())
    about = json.loads((root / "meta/info.json").read_text())
    (root / "meta/info.json").write_text(json.dumps(about | {"codebase_version": "v1.6"}))
    with pytest.raises(DatasetError, match=r"v3\.0, v2\.0, v2\.1, got v1\.6"):
        list(read_footage(root))


def test_actions_by_the_name_that_other_converters_use(tmp_path: Path) -> None:
    made = Made()
    root = write_v3(tmp_path / "set", made)
    about = json.loads((root / "meta/info.json").read_text())
    about["features"]["actions"] = about["features"].pop("action")
    (root / "meta/info.json").write_text(json.dumps(about))
    path = root / "data/chunk-000/file-000.parquet"
    table = pq.read_table(path)
    pq.write_table(table.rename_columns({"action": "actions"}), path)
    check(root, made)
    assert read_about(root).action_names == JOINTS


def test_a_file_that_was_not_fetched_is_told_from_a_broken_one(tmp_path: Path) -> None:
    root = write_v3(tmp_path / "set", Made())
    video = root / "videos/observation.images.front/chunk-000/file-000.mp4"
    video.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:6e34\nsize 1\n")
    with pytest.raises(DatasetError, match=r"episode 0, .*file-000\.mp4: a pointer of Git LFS"):
        list(read_footage(root))
    (root / "data/chunk-000/file-000.parquet").write_text("version https://git-lfs.github.com/spec/v1\n")
    with pytest.raises(DatasetError, match="git lfs pull brings it"):
        list(read_footage(root))


# -- subtasks, as LeRobot has had them --------------------------------------------------------------------


def add_column(root: Path, name: str, values: pa.Array) -> None:
    path = root / "data/chunk-000/file-000.parquet"
    pq.write_table(pq.read_table(path).append_column(name, values), path)


@pytest.mark.parametrize("column", ["subtask", "__index_level_0__"])
def test_numbered_subtasks(column: str, tmp_path: Path) -> None:
    root = write_v3(tmp_path / "set", Made())
    add_column(root, "subtask_index", pa.array([1] * 5 + [0] * 7 + [-1] * 23))
    pq.write_table(
        pa.table({"subtask_index": [0, 1], column: ["pull", "reach"]}), root / "meta/subtasks.parquet"
    )
    first, second, _ = read_footage(root)
    assert first.subgoals == ("reach",) * 5 + ("pull",) * 7
    assert second.subgoals == (second.task,) * 9


def test_subtasks_said_from_a_time_on(tmp_path: Path) -> None:
    root = write_v3(tmp_path / "set", Made())
    row = {"role": "assistant", "style": "subtask"}
    rows = [{**row, "content": "pull", "timestamp": 5 / 30}, {**row, "content": "reach", "timestamp": 2 / 30}]
    rows.append({**row, "content": "a plan", "style": "plan", "timestamp": 0.0})
    add_column(root, "language_persistent", pa.array([rows] * 12 + [[]] * 23))
    first, second, _ = read_footage(root)
    assert first.subgoals == ("open the drawer",) * 2 + ("reach",) * 3 + ("pull",) * 7
    assert second.subgoals == ()


def test_a_copy_elsewhere_is_the_same(tmp_path: Path) -> None:
    """Nothing but the folder is read."""
    made = Made(TWO)
    shutil.move(write_v3(tmp_path / "set", made), tmp_path / "moved")
    check(tmp_path / "moved", made, "wrist")
