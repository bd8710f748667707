"""`vlp check` tells what a training would see, names every problem with its episode; training obeys it."""

from __future__ import annotations

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
from PIL import Image

from tests.tasks.data.lerobot_sets import WRITERS, Made, Shot, write_v3, write_v21
from tests.tiny import MOMENT, tiny_models
from vlp.cli.main import main
from vlp.models.source import Source

TWO = (Shot(), Shot("observation.images.wrist", (60, 80)))
SIX = (40, 44, 38, 41, 40, 42)
DATA = "data/chunk-000/file-000.parquet"


def look(root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], *more: str) -> tuple[int, Any]:
    capsys.readouterr()
    code = main(["check", str(root), "--sheet", str(tmp_path / "sheet.png"), "--json", *more])
    return code, json.loads(capsys.readouterr().out)


def change(root: Path, name: str, to: Callable[[list[Any]], list[Any]], file: str = DATA) -> None:
    table = pq.read_table(root / file)
    values = pa.array(to(table[name].to_pylist()), table.schema.field(name).type)
    pq.write_table(table.set_column(table.column_names.index(name), name, values), root / file)


def film(path: Path, pictures: list[np.ndarray[Any, Any]], fps: int = 30) -> None:
    with av.open(str(path), "w") as file:
        stream: Any = file.add_stream("libx264", rate=fps)
        stream.height, stream.width = pictures[0].shape[:2]
        for number, rgb in enumerate(pictures):
            frame = av.VideoFrame.from_ndarray(rgb, format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, fps)
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))


@pytest.mark.parametrize("version", WRITERS)
def test_a_good_dataset_is_told_of(version: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = WRITERS[version](tmp_path / "set", Made(TWO, SIX))
    code, found = look(root, tmp_path, capsys, "--camera", "front")
    assert code == 0 and found["good"] and found["problems"] == []
    assert found["version"] == version and found["fps"] == 30
    assert (found["episodes"], found["frames"]) == (6, sum(SIX))
    assert found["cameras"] == ["observation.images.front", "observation.images.wrist"]
    assert found["size"] == [48, 64] and found["seen"] == "front"
    assert found["actions"][0] == {"name": "shoulder_pan.pos", "low": 0.0, "high": 43.0, "step": 1.0}
    assert found["actions"][1]["low"] == -50 - 0.5 * 41
    assert found["tasks"] == {"open the drawer": 3, "close the drawer": 3} and found["subtasks"] == {}
    assert [one["text"] for one in found["remarks"]] == [
        "success is not said: every episode is taken for one"
    ]
    with Image.open(tmp_path / "sheet.png") as sheet:  # a row an episode, eight frames each
        assert sheet.size == (40 + 8 * 64 + 7 * 2, 6 * 48 + 5 * 2)
    said = main(["check", str(root), "--sheet", str(tmp_path / "s.png"), "--camera", "front,wrist"])
    out = capsys.readouterr().out
    assert said == 0 and "it can be trained on" in out
    assert "camera     observation.images.wrist: 60x80, h264, seen" in out
    assert "action     shoulder_pan.pos: 0 to 43, at most 1 a step" in out


def test_every_problem_is_found_with_its_episode(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Faults of five kinds in five of six episodes: each is told, and the good one is still counted."""
    root = write_v21(tmp_path / "set", Made(lengths=SIX))
    video = "videos/chunk-000/observation.images.front/episode_00000{}.mp4"
    data = "data/chunk-000/episode_00000{}.parquet"
    (root / video.format(0)).unlink()
    change(root, "action", lambda rows: [*rows[:5], [float("nan"), 0.0], *rows[6:]], data.format(1))
    change(root, "timestamp", lambda times: [*times[:9], times[9] + 1, *times[10:]], data.format(2))
    film(root / video.format(3), [np.zeros((48, 64, 3), np.uint8)] * SIX[3])
    picture = np.random.default_rng(0).integers(0, 255, (48, 64, 3)).astype(np.uint8)
    (root / video.format(4)).write_bytes((root / video.format(5)).read_bytes()[:900])
    code, found = look(root, tmp_path, capsys)
    assert code != 0 and not found["good"] and found["episodes"] == 2
    told = {one["episode"]: one["text"] for one in found["problems"]}
    assert sorted(told) == [0, 1, 2, 3, 4]
    assert "No such file" in told[0] and "NaN" in told[1] and "timestamp" in told[2]
    assert "black or single-coloured, the first at frame 0" in told[3] and "video" in told[4]
    film(root / video.format(5), [picture] * SIX[5])
    code, found = look(root, tmp_path, capsys)
    told = {one["episode"]: one["text"] for one in found["problems"]}
    assert "42 times the same" in told[5]
    main(["check", str(root), "--sheet", str(tmp_path / "s.png")])
    out = capsys.readouterr().out
    assert out.count("problem:") == 6 and "6 problems: nothing is trained on it" in out
    assert sum("episode 3" in line for line in out.splitlines()) == 1


def test_what_is_odd_is_remarked_and_does_not_fail(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = write_v3(tmp_path / "set", Made(lengths=SIX))

    def leap(rows: list[Any]) -> list[Any]:
        return [[500.0, rows[100][1]] if k == 100 else row for k, row in enumerate(rows)]

    change(root, "action", leap)
    code, found = look(root, tmp_path, capsys)
    assert code == 0
    (jump,) = [one for one in found["remarks"] if one["episode"] is not None]
    assert jump["episode"] == 2 and jump["text"].startswith("shoulder_pan.pos goes by 48")
    (root / "meta/stats.json").write_text('{"action": {"min": [0.0, -70.5], "max": [500.0, 0.0]}}')
    _, found = look(root, tmp_path, capsys)
    assert not any("stats.json" in one["text"] for one in found["remarks"])
    (root / "meta/stats.json").write_text('{"action": {"min": [-0.5, -70.5], "max": [500.0, 0.0]}}')
    _, found = look(root, tmp_path, capsys)
    assert any("stats.json tells another range" in one["text"] for one in found["remarks"])
    change(root, "action", lambda rows: [[1.0, row[1]] for row in rows])
    _, found = look(root, tmp_path, capsys)
    assert any("shoulder_pan.pos always the same" in one["text"] for one in found["remarks"])


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["nothing"], 5, "expected a LeRobotDataset"),
        (["set"], 5, "choose with --camera"),
        (["set", "--camera", "ceiling"], 5, "expected the video ceiling"),
        (["set", "--camera", "front", "--size", "50x64"], 2, "multiples of 8"),
        (["set", "--camera", "front", "--size", "big"], 2, "HEIGHTxWIDTH"),
        (["set", "--camera", "front", "--sheet", "x.jpg"], 2, "ends in .png"),
    ],
)
def test_bad_input_is_one_line(
    arguments: list[str],
    code: int,
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    write_v3(Path("set"), Made(TWO))
    assert main(["check", *arguments]) == code
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("vlp: error: ") and said in line
    assert not Path("check.png").exists()


def train(root: Path, cache: Path, *more: str) -> int:
    line = ["train", "world", "--minutes", MOMENT, "--data", str(root), "--cache", str(cache)]
    with tiny_models():
        return main([*line, "--device", "cpu", *more])


def test_nothing_is_trained_on_what_fails(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    root = write_v21(tmp_path / "set", Made(lengths=SIX))
    path = root / "videos/chunk-000/observation.images.front/episode_000003.mp4"
    kept = path.read_bytes()
    film(path, [np.zeros((48, 64, 3), np.uint8)] * SIX[3])
    assert train(root, tmp_path / "cache") == 5
    (line,) = [line for line in capfd.readouterr().err.splitlines() if line.startswith("vlp:")]
    assert "got 1 problem in" in line and "episode 3: expected pictures of something" in line
    assert not (tmp_path / "cache").exists()
    path.write_bytes(kept)
    assert train(root, tmp_path / "cache") == 0


def test_an_odd_large_dataset_of_two_cameras_is_trained_on(tmp_path: Path) -> None:
    """AV1 of odd sizes, version 2.1: brought to a size that can be learned, which the weights tell."""
    cameras = (Shot(size=(121, 215), codec="av1"), Shot("observation.images.wrist", (90, 121), "av1"))
    root = write_v21(tmp_path / "set", Made(cameras, (50, 45)))
    assert train(root, tmp_path / "cache", "--camera", "front,wrist") == 0
    source = Source.load(tmp_path / "cache/world/nano/weights")
    assert source is not None and source.cameras == tuple(one.name for one in cameras)
    assert source.size[0] % 8 == source.size[1] % 16 == 0 and source.size[0] * source.size[1] < 24_000
    assert source.action_names == ("shoulder_pan.pos", "elbow_flex.pos")
    assert source.action_high[0] == 49 and source.fps == 30
    about = json.loads((tmp_path / "cache/world/nano/weights/scale.json").read_text())
    assert tuple(about["size"]) == source.size
