"""`vlp run --bridge`: from a folder of episodes to an arm that moves, within limits whatever is wanted."""

from __future__ import annotations

import io
import json
import os
import signal
import threading
import time
from pathlib import Path

import pytest

from executors.lerobot.client import Address, BridgeClient
from executors.safety.stop import StopLatch
from tasks.data.motion import read_motion
from tests.executors.lerobot.conftest import Begin
from tests.executors.lerobot.test_check_robot import data  # noqa: F401
from tests.tasks.data.lerobot_sets import Made, Shot, write_v3
from tests.tiny import MOMENT, tiny_models
from vlp.cli.main import main
from vlp.session.arms import robot_folder


@pytest.fixture(scope="module")
def models(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:  # noqa: F811
    """A model of a moment, which wants anything."""
    cache = tmp_path_factory.mktemp("cache")
    line = ["train", "world", "--minutes", MOMENT, "--data", str(data), "--cache", str(cache)]
    with tiny_models():
        assert main([*line, "--device", "cpu"]) == 0
    return cache / "world/nano/weights"


def run(
    folder: Path,
    dataset: Path,
    models: Path,
    monkeypatch: pytest.MonkeyPatch,
    *more: str,
    said: str = "yes\n",
    words: str = "open the drawer",
) -> int:
    monkeypatch.chdir(folder)
    monkeypatch.setattr("sys.stdin", io.StringIO(said))
    line = ["run", words, "--bridge", f"unix:{folder}/arm.sock", "--data", str(dataset)]
    return main([*line, "--models", str(models), "--device", "cpu", "--json", *more])


def joints(folder: Path) -> dict[str, float]:
    client = BridgeClient(Address.parse(f"unix:{folder}/arm.sock"), timeout=5)
    client.connect()
    return client.observe()[0]


def test_an_arm_moves_by_words_and_stays_within_its_dataset(
    begin: Begin,
    data: Path,  # noqa: F811
    models: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    begin()
    before = joints(tmp_path)
    assert run(tmp_path, data, models, monkeypatch, "--out", "refused", said="no\n") == 0
    assert "not approved" in json.loads(capfd.readouterr().out)["reason"]
    assert joints(tmp_path) == before
    assert run(tmp_path, data, models, monkeypatch, "--seconds", "4", "--out", "out") == 0
    result = json.loads(capfd.readouterr().out)
    assert result["reason"] == "the time is up" and result["goals"] >= 10
    after = joints(tmp_path)
    assert after != before
    names, _, motion = read_motion(data)
    for axis, name in enumerate(names):
        assert (
            motion.low[axis] - motion.step[axis] - 1 < after[name] < motion.high[axis] + motion.step[axis] + 1
        )
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"first.png", "imagined.png", "last.png"}


@pytest.mark.parametrize("fault", ["killed", "stopped"])
def test_what_goes_wrong_on_the_way_holds_the_arm(
    begin: Begin,
    data: Path,  # noqa: F811
    models: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    fault: str,
) -> None:
    process = begin()
    monkeypatch.chdir(tmp_path)

    def act() -> None:
        until = time.monotonic() + 120
        while not (tmp_path / "out/imagined.png").is_file() and time.monotonic() < until:
            time.sleep(0.05)
        time.sleep(1.0)
        if fault == "killed":
            os.kill(process.pid, signal.SIGKILL)
        else:
            StopLatch(robot_folder(f"unix:{tmp_path}/arm.sock")).stop("hands off")

    thread = threading.Thread(target=act)
    thread.start()
    begun = time.monotonic()
    assert run(tmp_path, data, models, monkeypatch, "--seconds", "300", "--out", "out", "--unattended") == 8
    assert time.monotonic() - begun < 120
    thread.join()
    (line,) = [line for line in capfd.readouterr().err.splitlines() if line.startswith("vlp: error")]
    assert "stays at its last goal" in line and ("hands off" if fault == "stopped" else "bridge") in line


@pytest.mark.parametrize(
    ("more", "code", "said"),
    [
        (["--rule", "keep away"], 2, "rule: expected none on an arm"),
        (["--seconds", "0"], 2, "seconds: expected"),
        (["--speed", "1.5"], 2, "speed: expected"),
        (["--models", "nowhere"], 3, "models: expected a model"),
        (["--data", "other"], 3, "models: expected weights that know a.pos, b.pos"),
    ],
)
def test_bad_input_is_one_line_and_nothing_moves(
    more: list[str],
    code: int,
    said: str,
    data: Path,  # noqa: F811
    models: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    write_v3(tmp_path / "other", Made((Shot(size=(96, 128)),), names=["a.pos", "b.pos"]))
    assert run(tmp_path, data, models, monkeypatch, *more) == code
    (line,) = [line for line in capfd.readouterr().err.splitlines() if line.startswith("vlp:")]
    assert said in line
    assert [path.name for path in tmp_path.iterdir()] == ["other"]


def test_words_that_would_not_be_heard_to_their_end_move_nothing(
    data: Path,  # noqa: F811
    models: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    words = "open the drawer" + " and close it again" * 8
    assert run(tmp_path, data, models, monkeypatch, words=words) == 2
    (line,) = [line for line in capfd.readouterr().err.splitlines() if line.startswith("vlp:")]
    assert "words: expected what these models can read, words of at most 24 tokens" in line
    assert not list(tmp_path.iterdir())


def test_an_arm_s_options_want_an_arm(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "group the blocks by color", "--data", "x"]) == 2
    assert "data: expected --bridge ADDRESS" in capsys.readouterr().err
