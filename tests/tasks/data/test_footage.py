"""Datasets as others make them: read rightly, or refused by episode and column."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from numpy.typing import NDArray
from PIL import Image

from tasks.data import dataset_steps
from tasks.data.dataset_about import read_columns
from tasks.data.footage import Footage, count_episodes, read_footage
from tasks.data.layout import INFO_PATH, DatasetError
from tasks.tabletop.demos.lerobot_read import CAMERA, read_episodes
from tasks.tabletop.demos.lerobot_write import LeRobotWriter
from tests.video.latent.conftest import square
from vlp.cli.main import main

FPS, LENGTH, EPISODES = 10, 24, 3
ALL = LENGTH * EPISODES
DATA, ROWS = "data/chunk-000/file-000.parquet", "meta/episodes/chunk-000/file-000.parquet"
VIDEO = f"videos/{CAMERA}/chunk-000/file-000.mp4"
FROM = f"videos/{CAMERA}/from_timestamp"


def grey(frame: int) -> NDArray[np.uint8]:
    """A picture that tells its number."""
    return np.full((32, 32, 3), 20 + 3 * frame, np.uint8)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Three episodes, frame k of all grey as `grey(k)`."""
    root, rng = tmp_path / "set", np.random.default_rng(0)
    with LeRobotWriter(root, fps=FPS) as writer:
        for _ in range(EPISODES):
            writer.add(square(rng, "go right"))
    film(root, [Fraction(k, FPS) for k in range(ALL)])
    return root


def film(root: Path, times: list[Fraction], numbers: list[int] | None = None, rate: int = FPS) -> None:
    """Replace the video by one that shows `grey` of each number at each time."""
    with av.open(str(root / VIDEO), "w") as file:
        stream = file.add_stream("libx264", rate=rate, options={"crf": "8", "g": "10"})
        stream.width = stream.height = 32
        stream.pix_fmt = "yuv420p"
        stream.codec_context.time_base = Fraction(1, 1000)
        for time, number in zip(times, numbers or range(len(times)), strict=True):
            frame = av.VideoFrame.from_ndarray(grey(number), format="rgb24")
            frame.pts, frame.time_base = round(time * 1000), Fraction(1, 1000)
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))


def info(root: Path, change: Callable[[dict[str, Any]], object]) -> None:
    path = root / INFO_PATH
    about = json.loads(path.read_text())
    change(about)
    path.write_text(json.dumps(about))


def column(root: Path, file: str, name: str, change: Callable[[list[Any]], Any]) -> None:
    """Replace a column by what `change` makes of its values; None takes it out."""
    table = pq.read_table(root / file)
    values = change(table[name].to_pylist())
    at = table.column_names.index(name)
    table = table.remove_column(at)
    pq.write_table(table if values is None else table.add_column(at, name, pa.array(values)), root / file)


def put(at: int, value: Any) -> Callable[[list[Any]], list[Any]]:
    return lambda values: [*values[:at], value, *values[at + 1 :]]


def numbers(footage: Footage) -> list[int]:
    """Which frames of the video these are."""
    return [round((float(frame.mean()) - 20) / 3) for frame in footage.rgb]


def check_all(root: Path, camera: str | None = None) -> None:
    seen = [numbers(footage) for footage in read_footage(root, camera)]
    assert seen == [list(range(k, k + LENGTH)) for k in range(0, ALL, LENGTH)]
    assert count_episodes(root, camera) == EPISODES


# -- what can be read ----------------------------------------------------------------------------------


@pytest.mark.parametrize("rate", [FPS, 7, 30])
def test_frames_are_those_of_their_times_whatever_rate_is_stated(data: Path, rate: int) -> None:
    film(data, [Fraction(k, FPS) for k in range(ALL)], rate=rate)
    check_all(data)


def test_a_video_longer_than_its_frames(data: Path) -> None:
    """Pauses between episodes, and a last frame that stands for a while: the average rate is not the
    dataset's."""
    pauses = [0, 5, 7]
    times = [Fraction(k, FPS) + pauses[k // LENGTH] for k in range(ALL)]
    film(data, [*times, times[-1] + 3])
    column(data, ROWS, FROM, lambda _: [float(times[k]) for k in range(0, ALL, LENGTH)])
    with av.open(str(data / VIDEO)) as file:
        assert abs(float(file.streams.video[0].average_rate or 0) - FPS) > 1
    check_all(data)
    for footage, episode in zip(read_footage(data), read_episodes(data), strict=True):
        assert np.array_equal(footage.rgb, episode.rgb)


def test_times_may_be_off_a_little(data: Path) -> None:
    film(data, [Fraction(k, FPS) + Fraction(k % 3, 100) for k in range(ALL)])
    check_all(data)


def test_pictures_in_parquet(data: Path) -> None:
    def png(frame: int) -> bytes:
        out = io.BytesIO()
        Image.fromarray(grey(frame)).save(out, "png")
        return out.getvalue()

    table = pq.read_table(data / DATA)
    cells = pa.array([{"bytes": png(k), "path": f"{k}.png"} for k in range(ALL)])
    pq.write_table(table.append_column(CAMERA, cells), data / DATA)
    info(data, lambda about: about["features"][CAMERA].update(dtype="image", info=None))
    info(data, lambda about: about.update(video_path=None))
    (data / VIDEO).unlink()
    check_all(data)
    column(data, DATA, CAMERA, put(30, {"bytes": b"no picture", "path": None}))
    with pytest.raises(DatasetError, match=rf"a picture in colour in column {CAMERA} .*episode 1, .* at 6"):
        list(read_footage(data))
    column(data, DATA, CAMERA, put(30, {"bytes": None, "path": "elsewhere.png"}))
    with pytest.raises(DatasetError, match=rf"the bytes of a picture in column {CAMERA} .*episode 1"):
        list(read_footage(data))


def test_a_task_may_be_a_text_alone(data: Path) -> None:
    column(data, ROWS, "tasks", lambda tasks: ["push it", *(task[0] for task in tasks[1:])])
    assert [footage.task for footage in read_footage(data)] == ["push it", "go right", "go right"]


def test_an_action_of_one_number_may_be_a_number(data: Path) -> None:
    info(data, lambda about: about["features"]["action"].update(shape=[1]))
    column(data, DATA, "action", lambda values: [value[1] for value in values])
    for footage in read_footage(data):
        assert footage.actions is not None and footage.actions.shape == (LENGTH, 1)
        assert footage.actions[0] == 0.75


def test_steps_in_another_order_and_without_times(data: Path) -> None:
    table = pq.read_table(data / DATA).drop_columns(["timestamp"])
    table = table.take(np.random.default_rng(0).permutation(ALL))
    pq.write_table(table, data / DATA)
    order = table["index"].to_pylist()
    column(data, DATA, "action", lambda _: [[float(k), 0.0] for k in order])
    check_all(data)
    for number, footage in enumerate(read_footage(data)):
        assert footage.actions is not None
        assert footage.actions[:, 0].tolist() == [number * LENGTH + k for k in range(LENGTH)]


def test_each_file_of_steps_is_read_once(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read = []

    def counted(path: Path, columns: list[str]) -> Any:
        read.append(path.name)
        return read_columns(path, columns)

    monkeypatch.setattr(dataset_steps, "read_columns", counted)
    assert len(list(read_footage(data))) == EPISODES and len(read) == 1


def test_episodes_that_were_not_finished_are_left_out(data: Path) -> None:
    info(data, lambda about: about.update(total_episodes=2))
    assert len(list(read_footage(data))) == 2


# -- cameras -------------------------------------------------------------------------------------------


def second_camera(about: dict[str, Any], **more: Any) -> None:
    about["features"]["wrist"] = {"dtype": "video", "shape": [32, 32, 3], "names": None, **more}


def test_several_cameras_want_one_to_be_named(data: Path) -> None:
    info(data, second_camera)
    with pytest.raises(DatasetError, match=rf"one of 2 cameras .* --camera: {CAMERA}, wrist"):
        list(read_footage(data))
    check_all(data, CAMERA)
    with pytest.raises(DatasetError, match=r"column videos/wrist/chunk_index, episode 0.*no such column"):
        list(read_footage(data, "wrist"))


def test_depth_is_not_a_camera_to_choose_from(data: Path) -> None:
    info(data, lambda about: second_camera(about, info={"video.is_depth_map": True}))
    check_all(data)


def test_the_command_asks_for_a_camera(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    info(data, second_camera)
    monkeypatch.setattr(
        "vlp.train.finetune.check_vlm", lambda name, source: None
    )  # the base is looked at before
    command = ["train", "vlm", "--minutes", "1", "--base", str(tmp_path), "--data", str(data)]
    command += ["--export", str(tmp_path / "out")]
    assert main(command) == 2
    assert "--camera: " in capsys.readouterr().err
    assert main([*command, "--camera", "ceiling"]) == 2
    assert "expected the video ceiling" in capsys.readouterr().err
    assert main(["train", "vlm", "--minutes", "1", "--camera", "wrist"]) == 2
    assert "camera: expected --base" in capsys.readouterr().err


# -- what is refused -----------------------------------------------------------------------------------


def test_a_missing_frame_is_refused(data: Path) -> None:
    film(data, [Fraction(k, FPS) for k in range(ALL) if k != 30])
    with pytest.raises(DatasetError, match=r"episode 1, column .* got none at 3\.000 s"):
        list(read_footage(data))


def test_a_doubled_frame_is_refused(data: Path) -> None:
    times = sorted([*(Fraction(k, FPS) for k in range(ALL)), Fraction(305, 100)])
    film(data, times, [min(k, ALL - 1) for k in range(len(times))])
    with pytest.raises(DatasetError, match=r"episode 1, column .* another at 3\.050 s"):
        list(read_footage(data))


def test_a_video_of_another_rate_is_refused(data: Path) -> None:
    film(data, [Fraction(k, 9) for k in range(ALL)])
    with pytest.raises(DatasetError, match="episode 0, column"):
        list(read_footage(data))


def test_a_video_too_short_is_refused(data: Path) -> None:
    film(data, [Fraction(k, FPS) for k in range(50)])
    with pytest.raises(DatasetError, match=r"episode 2, .* got none at 5\.000 s"):
        list(read_footage(data))


@pytest.mark.parametrize(
    ("file", "name", "change", "message"),
    [
        (ROWS, "tasks", put(1, [""]), r"column tasks, episode 1"),
        (ROWS, "tasks", put(1, []), r"column tasks, episode 1"),
        (ROWS, "tasks", put(1, [None]), r"column tasks, episode 1"),
        (ROWS, "tasks", put(2, ["go up", "go down"]), r"column tasks, episode 2"),
        (ROWS, "tasks", lambda tasks: ["a", " ", "b"], r"column tasks, episode 1"),
        (ROWS, "tasks", lambda tasks: [1, 2, 3], r"column tasks, episode 0"),
        (ROWS, "tasks", lambda tasks: None, r"column tasks, episode 0"),
        (ROWS, "length", put(1, 23), r"column episode_index .*episode 1.*got 24"),
        (ROWS, "length", put(1, 0), r"column length, episode 1"),
        (ROWS, "length", lambda values: [24.0] * 3, r"column length, episode 0"),
        (ROWS, "episode_index", put(2, 1), r"episode 1 twice"),
        (ROWS, "success", lambda values: ["no"] * 3, r"column success, episode 0"),
        (ROWS, "data/file_index", put(1, None), r"column data/file_index, episode 1"),
        (ROWS, FROM, put(1, 1.2), r"after episode 0 in column .*from_timestamp, episode 1"),
        (ROWS, FROM, put(1, float("nan")), r"from_timestamp, episode 1"),
        (DATA, "frame_index", put(5, 4), r"column frame_index .*episode 0.*4 in the place of 5"),
        (DATA, "timestamp", put(5, 0.4), r"column timestamp .*episode 0.*at frame 5"),
        (DATA, "timestamp", put(30, float("nan")), r"column timestamp .*episode 1"),
        (DATA, "timestamp", lambda values: ["0.1"] * ALL, r"column timestamp .*episode 0.*string"),
        (DATA, "episode_index", lambda values: None, r"column episode_index .*episode 0.*got none"),
        (DATA, "action", put(30, [0.0, float("inf")]), r"column action .*episode 1.*infinity"),
        (DATA, "action", put(30, [0.0]), r"column action .*episode 1"),
        (DATA, "action", put(30, None), r"column action .*episode 1"),
        (DATA, "action", lambda values: [["0", "1"]] * ALL, r"column action .*episode 0.*string"),
        (DATA, "action", lambda values: [[0.0] * 3] * ALL, r"column action .*episode 0.*\[24, 3\]"),
        (DATA, "subgoal_index", put(60, -1), r"column subgoal_index .*episode 2.*-1 at 12"),
        (DATA, "subgoal_index", lambda values: None, r"column subgoal_index .*episode 0.*got none"),
    ],
)
def test_a_wrong_column_is_named(
    data: Path, file: str, name: str, change: Callable[[list[Any]], Any], message: str
) -> None:
    column(data, file, name, change)
    with pytest.raises(DatasetError, match=message):
        list(read_footage(data))


@pytest.mark.parametrize("fps", [None, 0, -1, "10", True, float("nan")])
def test_a_dataset_wants_frames_a_second(data: Path, fps: object) -> None:
    info(data, lambda about: about.update(fps=fps))
    with pytest.raises(DatasetError, match=r"fps, frames a second above 0 in meta/info\.json"):
        list(read_footage(data))
    info(data, lambda about: about.pop("fps"))
    with pytest.raises(DatasetError, match="fps, frames a second above 0"):
        list(read_footage(data))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda about: about.pop("video_path"), "video_path, a text"),
        (lambda about: about.update(data_path="{chunk}/{file}"), "data_path, a pattern"),
        (lambda about: about.update(total_episodes=5), "5 episodes"),
        (lambda about: about.update(features=3), "expected a LeRobotDataset with videos or pictures"),
        (lambda about: about["features"]["action"].update(shape=[2, 2]), "a shape of one number"),
        (lambda about: about["features"].pop(CAMERA), "expected the video of a camera"),
    ],
)
def test_what_a_dataset_says_of_itself_is_checked(
    data: Path, change: Callable[[dict[str, Any]], object], message: str
) -> None:
    info(data, change)
    with pytest.raises(DatasetError, match=message):
        list(read_footage(data))
