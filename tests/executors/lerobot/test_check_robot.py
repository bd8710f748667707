"""`vlp check-robot` on the two-link arm, with a dataset that its own camera and joints recorded."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tasks.tabletop.world import board
from tasks.tabletop.world.env import TabletopEnv
from tests.executors.lerobot.conftest import Begin
from tests.executors.lerobot.two_link import angles
from tests.tasks.data.lerobot_sets import Made, Shot, write_v3
from vlp.cli.main import main
from vlp.session.arms import robot_folder

LENGTH, EPISODES = 14, 4


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The pusher wanders over boards; actions are the joints that bring it where it goes, elbow first."""
    frames: dict[tuple[int, int], Any] = {}
    joints: dict[tuple[int, int], list[float]] = {}
    env = TabletopEnv(None, blocks=board.BLOCK_4)
    for episode in range(EPISODES):
        seen, _ = env.reset(seed=episode)
        rng = np.random.default_rng(episode)
        way = rng.uniform(-0.02, 0.02, 2)
        for k in range(LENGTH):
            frames[episode, k] = np.array(seen["rgb"])
            joints[episode, k] = list(angles(seen["effector_target_translation"]))[::-1]
            seen, *_ = env.step(way.astype(np.float32))
    env.close()
    made = Made(
        cameras=(Shot("observation.images.front", (96, 128)),),
        lengths=(LENGTH,) * EPISODES,
        fps=10,
        names=["elbow.pos", "shoulder.pos"],
        draw=lambda episode, frame, camera, size: frames[episode, frame],
        act=lambda episode, frame: joints[episode, frame],
    )
    return write_v3(tmp_path_factory.mktemp("arm") / "set", made)


def check(folder: Path, data: Path, monkeypatch: pytest.MonkeyPatch, *more: str, said: str = "") -> int:
    monkeypatch.chdir(folder)
    monkeypatch.setattr("sys.stdin", io.StringIO(said))
    return main(["check-robot", "--bridge", f"unix:{folder}/arm.sock", "--data", str(data), *more])


def test_what_is_there_is_told_and_nothing_moves(
    begin: Begin,
    data: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    begin()
    assert check(tmp_path, data, monkeypatch, "--json") == 0
    first = json.loads(capsys.readouterr().out)
    assert [one["name"] for one in first["joints"]] == ["elbow.pos", "shoulder.pos"]
    assert first["refused"] == "" and first["differences"] == [] and first["wiggled"] == []
    assert first["robot"] == "two_link_follower" and first["cameras"] == {"front": [96, 128, 3]}
    with Image.open(tmp_path / "check-robot.png") as both:
        assert both.size == (256, 96)
    assert check(tmp_path, data, monkeypatch, "--wiggle", said="no\n") == 0
    assert "not approved: nothing has moved" in capsys.readouterr().err
    assert check(tmp_path, data, monkeypatch, "--wiggle", said="") == 0  # nobody there to ask
    capsys.readouterr()
    assert check(tmp_path, data, monkeypatch) == 0
    out = capsys.readouterr().out
    assert f"joint      elbow.pos: at {first['joints'][0]['at']:.1f}" in out
    assert "verdict    the dataset's view" in out and not robot_folder(f"unix:{tmp_path}/arm.sock").exists()


@pytest.mark.parametrize("order", [(), ("--reordered",)], ids=["in order", "reordered"])
def test_each_joint_is_wiggled_once_approved(
    begin: Begin,
    data: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    order: tuple[str, ...],
) -> None:
    begin(*order)
    assert check(tmp_path, data, monkeypatch, "--wiggle", "--json", said="yes\n") == 0
    found = json.loads(capsys.readouterr().out)
    assert [one["joint"] for one in found["wiggled"]] == ["elbow.pos", "shoulder.pos"]
    for one in found["wiggled"]:
        assert abs(one["asked"]) == 2 and one["moved"] == pytest.approx(one["asked"], abs=0.6) and one["good"]
    assert check(tmp_path, data, monkeypatch, "--json") == 0
    now = json.loads(capsys.readouterr().out)["joints"]
    assert [one["at"] for one in now] == pytest.approx([one["at"] for one in found["joints"]], abs=0.8)


def test_a_stop_holds_the_wiggle(
    begin: Begin,
    data: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    begin()
    monkeypatch.chdir(tmp_path)
    folder = robot_folder(f"unix:{tmp_path}/arm.sock").parent
    assert check(tmp_path, data, monkeypatch, "--wiggle", said="yes\n") == 0
    assert main(["stop", str(folder), "--reason", "hands off"]) == 0
    assert check(tmp_path, data, monkeypatch, "--wiggle", said="yes\n") == 8
    assert "hands off" in capsys.readouterr().err
    assert main(["rearm", str(folder)]) == 0
    assert check(tmp_path, data, monkeypatch, "--wiggle", said="yes\n") == 0


def test_another_camera_s_view_is_refused_and_not_wiggled(
    begin: Begin,
    data: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    begin("--fault=turned")
    assert check(tmp_path, data, monkeypatch, "--wiggle", "--json", said="yes\n") == 1
    found = json.loads(capsys.readouterr().out)
    assert found["refused"] == "upside down" and found["wiggled"] == []


def test_bad_input_is_one_line(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for arguments, code, said in (
        (
            ["--bridge", "unix:nowhere.sock", "--data", str(data)],
            8,
            "expected the dataset's arm at unix:nowhere",
        ),
        (["--bridge", "10.0.0.1:80", "--data", str(data)], 2, "expected unix:PATH or 127.0.0.1:PORT"),
        (["--bridge", "127.0.0.1:80", "--data", str(data)], 2, "expected the bridge's token file"),
        (["--bridge", "127.0.0.1:80", "--data", str(data), "--token-file", "no"], 2, "No such file"),
        (["--bridge", "unix:x", "--data", "nowhere"], 5, "expected a LeRobotDataset"),
        (["--bridge", "unix:x", "--data", str(data), "--speed", "2"], 2, "speed: expected"),
    ):
        assert main(["check-robot", *arguments]) == code
        (line,) = capsys.readouterr().err.splitlines()
        assert line.startswith("vlp: error: ") and said in line
    assert list(tmp_path.iterdir()) == []
