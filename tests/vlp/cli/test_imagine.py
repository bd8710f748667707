"""`vlp train world` on a dataset of another world, and `vlp imagine` with what came of it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tasks.data.video_file import read_video
from tests.video.latent.conftest import square, write
from vlp.cli.main import main
from vlp.evaluate import world


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("world")
    data = write(folder / "data")
    code = main(
        [
            "train",
            "world",
            "--minutes",
            "0.001",
            "--data",
            str(data),
            "--cache",
            str(folder),
            "--device",
            "cpu",
        ]
    )
    assert code == 0
    return folder / "world/nano/weights"


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "frame.png"
    Image.fromarray(square(np.random.default_rng(5), "go right").rgb[0]).save(path)
    return path


def test_clips_of_words_are_drawn(weights: Path, picture: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    line = ["imagine", "go right", "--frame", str(picture), "--models", str(weights), "--clips", "2"]
    assert main([*line, "--out", str(out), "--device", "cpu"]) == 0
    assert len(read_video(out / "clip-01.mp4")) == 9
    with Image.open(out / "clips.png") as sheet:
        assert sheet.size == (9 * 32 + 8 * 2, 2 * 32 + 2)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"--frame": "nothing.png"}, "frame: expected a picture that can be read"),
        ({"--models": "nothing"}, "models: expected a model of `vlp train world`"),
        ({"--clips": "0"}, "clips: expected 1 to 64"),
        ({"--steps": "0"}, "steps: expected 1 to 100"),
        ({"--seed": "-1"}, "seed: expected"),
        ({"": " and then left"}, "words: expected what these models can read, words of at most 24 tokens"),
    ],
)
def test_bad_input_is_one_line(
    change: dict[str, str],
    said: str,
    weights: Path,
    picture: Path,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    words = "go right" + 24 * change.pop("", "")
    given = {"--frame": str(picture), "--models": str(weights), "--out": str(tmp_path / "out")} | change
    assert main(["imagine", words, *(word for pair in given.items() for word in pair)]) != 0
    err = [line for line in capfd.readouterr().err.splitlines() if line.startswith("vlp:")]
    assert len(err) == 1
    assert said in err[0]
    assert not (tmp_path / "out").exists()


def test_a_world_wants_data(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["train", "world", "--minutes", "1"]) == 2
    assert "expected --data" in capsys.readouterr().err
    line = ["train", "world", "--minutes", "1", "--data", str(tmp_path / "none"), "--cache", str(tmp_path)]
    assert main(line) != 0
    assert "expected a LeRobotDataset" in capsys.readouterr().err


def test_held_out_clips_are_measured(weights: Path, tmp_path: Path) -> None:
    out, picture = tmp_path / "world.json", tmp_path / "clips.png"
    world.main(
        world.WorldOptions(weights, write(tmp_path / "other"), clips=8, steps=2, out=out, picture=picture)
    )
    found = json.loads(out.read_text())
    assert found["clips"] == 8
    assert found["psnr_imagined"] > 5
    assert found["psnr_copy"] > 5
    assert found["action_error_acted"] > 0
    with Image.open(picture) as sheet:
        assert sheet.size == (9 * 32, 2 * 6 * 32)
