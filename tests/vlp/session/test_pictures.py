"""Planning and imagining on pictures, of a world that is nothing but a dataset; nothing else is needed."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tasks.data.video_file import read_video
from tests.tasks.data.lerobot_sets import Made, Shot, write_v3, write_v21
from tests.tiny import MOMENT, tiny_models
from vlp.cli.main import main

LENGTHS = (50, 45)
CAMERAS = (Shot(), Shot("observation.images.wrist", (60, 80)))
PLAN = ("--beams", "1", "--language-branches", "2", "--video-branches", "2", "--horizon", "2")
CPU = ("--device", "cpu")


def trained(folder: Path, data: Path, *more: str) -> Path:
    for part in ("world", "world-vlm"):
        line = ["train", part, "--minutes", MOMENT, "--data", str(data), "--cache", str(folder)]
        with tiny_models():
            assert main([*line, *CPU, *more]) == 0
    return folder / "world/nano/weights"


@pytest.fixture(scope="module")
def one(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Dataset and weights of one camera, with a VLM where training leaves it."""
    folder = tmp_path_factory.mktemp("one")
    data = write_v21(folder / "set", Made(lengths=LENGTHS))
    return data, trained(folder, data)


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Of two cameras side by side."""
    folder = tmp_path_factory.mktemp("two")
    data = write_v3(folder / "set", Made(CAMERAS, LENGTHS))
    return data, trained(folder, data, "--camera", "front,wrist")


def save(path: Path, size: tuple[int, int], mode: str = "RGB") -> str:
    rgb = np.random.default_rng(3).integers(0, 255, (*size, 3)).astype(np.uint8)
    Image.fromarray(rgb).convert(mode).save(path)
    return str(path)


def alone(weights: Path, folder: Path) -> Path:
    """A copy of the video model's folder, with no VLM near it."""
    return Path(shutil.copytree(weights, folder / "copy" / "model", ignore=shutil.ignore_patterns("vlm")))


@pytest.mark.parametrize(("size", "mode"), [((480, 640), "RGB"), ((97, 55), "RGBA"), ((64, 64), "L")])
def test_pictures_of_any_size_are_imagined_from(
    size: tuple[int, int], mode: str, one: tuple[Path, Path], tmp_path: Path
) -> None:
    """The bundle's folder alone is enough."""
    models = alone(one[1], tmp_path)
    picture, out = save(tmp_path / "p.png", size, mode), tmp_path / "out"
    line = ["imagine", "open the drawer", "--frame", picture, "--models", str(models), "--clips", "3"]
    assert main([*line, "--out", str(out), *CPU]) == 0
    assert sorted(path.name for path in out.iterdir()) == [
        "clip-00.mp4", "clip-01.mp4", "clip-02.mp4", "clips.png",
    ]  # fmt: skip
    assert read_video(out / "clip-02.mp4").shape == (9, 48, 64, 3)
    with Image.open(out / "clips.png") as sheet:
        assert sheet.size == (9 * 64 + 8 * 2, 3 * 48 + 2 * 2)


def test_a_plan_that_a_vlm_ranked(
    one: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data, weights = one
    line = ["plan", "open the drawer", "--world", f"dataset:{data}", "--models", str(weights), *PLAN, *CPU]
    assert main([*line, "--guards", "off", "--out", str(tmp_path / "out"), "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["ranked"] and len(result["steps_to_go"]) == len(result["plan"]) >= 1
    assert json.loads((tmp_path / "out/plan.json").read_text()) == result
    film = read_video(tmp_path / "out/plan.mp4")
    assert film.shape == (1 + 8 * len(result["plan"]), 48, 64, 3)
    assert (tmp_path / "out/branches.png").is_file()


def test_a_plan_without_a_vlm_says_that_nothing_was_ranked(
    one: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    models, out = alone(one[1], tmp_path), tmp_path / "out"
    picture = save(tmp_path / "p.png", (480, 640))
    line = ["plan", "open the drawer", "--frame", picture, "--models", str(models), *PLAN, *CPU]
    assert main([*line, "--guards", "off", "--out", str(out)]) == 0
    said = capsys.readouterr().out
    assert said.startswith("1. open the drawer\n2 branches, 0 rejected, not ranked: there is no VLM")
    assert "steps" not in said
    told = json.loads((out / "plan.json").read_text())
    assert told["ranked"] is False and told["steps_to_go"] is None


def test_a_picture_for_each_camera(two: tuple[Path, Path], tmp_path: Path) -> None:
    front, wrist = save(tmp_path / "a.png", (480, 640)), save(tmp_path / "b.png", (300, 400))
    line = ["imagine", "open the drawer", "--models", str(two[1]), "--clips", "1", *CPU]
    assert main([*line, "--frame", front, wrist, "--out", str(tmp_path / "both")]) == 0
    assert main([*line, "--frame", front, "--out", str(tmp_path / "whole")]) == 0
    assert main([*line, "--world", f"dataset:{two[0]}", "--out", str(tmp_path / "set")]) == 0
    both, recorded = (read_video(tmp_path / name / "clip-00.mp4")[0] for name in ("both", "set"))
    assert both.shape == recorded.shape and both.shape[1] % 16 == 0
    half = both.shape[1] // 2
    assert abs(int(recorded[-4, half // 2, 0]) - 100) < 12  # the first camera's ground
    assert abs(int(recorded[-4, half + half // 2, 0]) - 160) < 12


LONG = "open the drawer" + " and close it again" * 8


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["plan", "open it", "--frame", "p.png"], "models: expected weights of vlp train world, got none"),
        (["plan", " ", "--frame", "p.png", "--models", "m"], "words: expected what is to happen"),
        (["plan", "open it", "--world", "dataset:nowhere", "--models", "m"], "no such folder"),
        (["plan", "open it", "--frame", "p.png", "--models", "nowhere"], "models: expected a model"),
        (["plan", "open it", "--frame", "none.png", "--models", "m"], "frame: expected a picture that can"),
        (["plan", "open it", "--frame", "small.png", "--models", "m"], "give at least"),
        (["plan", "open it", "--frame", "p.png", "p.png", "p.png", "--models", "m"], "got 3"),
        (["plan", "open it", "--frame", "p.png", "--models", "m", "--rule", "gently"], "rule: expected none"),
        (["plan", "open it", "--world", "dataset:set", "--models", "m", "--seed", "7"], "0 to 1, got 7"),
        (["plan", "open it", "--world", "dataset:other", "--models", "m"], "got shoulder_pan.pos, elbow"),
        (["plan", LONG, "--frame", "p.png", "--models", "m"], "words: expected what these models can read"),
        (["run", "open it", "--world", "dataset:set"], "expected one with a robot"),
        (["imagine", "open it", "--models", "m"], "frame: expected --frame PICTURE or --world"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)  # fmt: skip
def test_bad_input_is_one_line_and_nothing_is_left(
    arguments: list[str],
    said: str,
    one: tuple[Path, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("m").symlink_to(alone(one[1], tmp_path))
    Path("set").symlink_to(one[0])
    write_v3(Path("other"), Made(lengths=LENGTHS, names=["x", "y"]))
    save(Path("p.png"), (480, 640))
    save(Path("small.png"), (9, 9))
    before = sorted(tmp_path.iterdir())
    assert main([*arguments, *CPU]) != 0
    (line,) = [line for line in capfd.readouterr().err.splitlines() if line.startswith("vlp:")]
    assert said in line
    assert sorted(tmp_path.iterdir()) == before
