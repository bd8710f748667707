"""A real server of a real, tiny VLM, driven by the real client to a plan: `transformers serve`."""

from __future__ import annotations

import json
import os
import socket
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from executors.tabletop.simulated import SimulatedRobot
from tasks.tabletop.language.subgoals import BOARD
from tasks.tabletop.world.board import BLOCK_8, KINDS
from tests.conftest import ROOT
from tests.forked import Forks, Process
from tests.vlp.vlm.local.tiny_vlms import build
from vlp.cli.main import main
from vlp.vlm.local.finetune import FinetuneConfig, finetune, save
from vlp.vlm.local.lessons import Moment

GOAL = "group the blocks by color"
SUBGOAL = "push the red moon next to the red pentagon"
SEED = 1_000_003


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A VLM that learned by heart what to say of one board, in the words in which servers are asked."""
    robot = SimulatedRobot(GOAL, seed=SEED)
    robot.connect()
    frame = robot.get_observation()["rgb"]
    robot.disconnect()
    kinds = tuple(kind for kind in KINDS if kind in BLOCK_8)
    known = [Moment(frame, GOAL, SUBGOAL, 250.0, kinds)]
    tiny, processor = build("llava")
    config = FinetuneConfig(minutes=5, steps=120, lora=False, learning_rate=1e-2, batch=6)
    tiny, outcome = finetune(tiny, processor, known, BOARD, config)
    assert outcome.last_loss < 0.1
    folder = tmp_path_factory.mktemp("served") / "tiny"
    save(tiny, processor, folder, base="")
    return folder


@pytest.fixture(scope="module")
def url(model: Path, forks: Forks) -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = ["serve", str(model), "--host", "127.0.0.1", "--port", str(port), "--device", "cpu"]
    code = "import runpy; runpy.run_module('transformers.cli.transformers', run_name='__main__')"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    server = forks.begin(*command, folder=model.parent, environment=environment, code=code)
    try:
        _wait(f"http://127.0.0.1:{port}/health", server)
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        server.terminate()
        server.wait(20)


def _wait(url: str, server: Process) -> None:
    """Until it answers; fails where it ends instead."""
    end = time.monotonic() + 120
    while time.monotonic() < end and server.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=1):
                return
        except OSError:
            time.sleep(0.2)
    pytest.fail("expected a server that answers, got none")


FLAGS = ["--beams", "1", "--language-branches", "1", "--video-branches", "1", "--horizon", "1"]


def test_it_plans_with_a_real_server(
    model: Path, url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    where = ["--vlm", f"openai:{model}", "--vlm-url", url, "--vlm-deadline", "60"]
    out = ["--out", str(tmp_path / "run"), "--json", "--device", "cpu", "--seed", str(SEED)]
    assert main(["plan", GOAL, *where, *FLAGS, *out]) == 0
    result = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert result["plan"] == [SUBGOAL]
    (used,) = result["models_used"]
    # What this server silently leaves out was noticed: it gives one choice, and no log-probabilities.
    assert used["can"]["n"] is False and used["can"]["logprobs"] is False
    assert used["spent"]["calls"] >= 6 and used["spent"]["tokens_given"] > 1000
    assert used["spent"]["estimated"] is False


def test_what_it_can_not_say_is_an_error_and_no_move(
    model: Path, url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Two pictures a question are more than it learned: its one number is not taken for two."""
    where = ["--vlm", f"openai:{model}", "--vlm-url", url, "--vlm-deadline", "60"]
    wide = ["--beams", "1", "--language-branches", "1", "--video-branches", "2", "--horizon", "1"]
    out = ["--out", str(tmp_path / "run"), "--device", "cpu", "--seed", str(SEED)]
    assert main(["run", GOAL, *where, *wide, *out]) == 6
    assert "expected a usable reply" in capsys.readouterr().err.splitlines()[-1]
    result = json.loads((tmp_path / "run" / "result.json").read_text())
    assert result["control_steps"] == 0
