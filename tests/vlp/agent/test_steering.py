"""An operator at another process: stop, arm again, standing rules; and two processes on one robot."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from tests.conftest import Vlp
from tests.forked import Forks, Process

GOAL = "group the blocks by color"
SMALL = (
    "--seed", "1000003", "--beams", "1", "--language-branches", "2", "--video-branches", "2",
    "--max-control-steps", "60", "--device", "cpu",
)  # fmt: skip
FEW = ("--max-control-steps", "24")
"""For a run that is not to be caught while it acts on and on."""


def steps(path: Path) -> int:
    events = path / "events.jsonl"
    return events.read_text().count('"acted"') if events.exists() else 0


def wait_for(due: Callable[[], bool]) -> None:
    end = time.monotonic() + 120
    while not due():
        assert time.monotonic() < end, "waited for two minutes"
        time.sleep(0.02)


@contextmanager
def running(forks: Forks, path: Path, environment: dict[str, str]) -> Iterator[Process]:
    """A run in a process of its own, once it acts."""
    process = forks.begin(
        "run", GOAL, *SMALL, "--out", str(path), folder=path.parent, environment=environment
    )
    try:
        wait_for(lambda: steps(path) >= 3 or process.poll() is not None)
        yield process
    finally:
        process.kill()
        process.communicate()


def test_a_stop_from_another_process_stays_until_the_robot_is_armed_again(
    vlp: Vlp, forks: Forks, environment: dict[str, str], tmp_path: Path
) -> None:
    with running(forks, tmp_path / "run", environment) as process:
        stopped = vlp("stop", "run", "--reason", "a hand is in the way")
        assert stopped.returncode == 0
        said = process.communicate(timeout=120)[1]
    assert process.returncode == 8 and "a hand is in the way" in said.splitlines()[-1]
    result = json.loads((tmp_path / "run/result.json").read_text())
    assert result["status"] == "held" and not result["complete"]
    before = steps(tmp_path / "run")
    again = vlp("resume", "run")
    assert again.returncode == 8 and "a hand is in the way" in again.stderr
    assert steps(tmp_path / "run") == before, "a restart does not arm it"
    assert "armed again" in vlp("rearm", "run").stdout
    done = vlp("resume", "run", "--json")
    assert done.returncode == 0 and json.loads(done.stdout)["control_steps"] > before


def refused_beside(process: Process, vlp: Vlp) -> CompletedProcess[str]:
    """What a second process says while this one hangs, and may come back; not in the middle of a write."""
    while True:
        process.send_signal(signal.SIGSTOP)
        second = vlp("resume", "run")
        if "that another process writes to" not in second.stderr:
            return second
        process.send_signal(signal.SIGCONT)
        time.sleep(0.1)


def test_a_second_process_is_refused_while_the_first_drives(
    vlp: Vlp, forks: Forks, environment: dict[str, str], tmp_path: Path
) -> None:
    path = tmp_path / "run"
    with running(forks, path, environment) as process:
        second = refused_beside(process, vlp)
        assert second.returncode == 8 and "expected a robot that is free" in second.stderr
        assert not (path / "result.json").exists(), "what the first one writes is its own"
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert vlp("resume", "run").returncode == 0, "the robot of a process that is no more is free"


def test_rules_hold_and_are_told(vlp: Vlp, tmp_path: Path) -> None:
    rule = "never move the red moon"
    done = vlp("run", GOAL, *SMALL, *FEW, "--rule", rule, "--out", "run", "--json")
    assert done.returncode in (0, 4), done.stderr
    result = json.loads((tmp_path / "run/result.json").read_text())
    assert result["rules"] == [rule]
    trees = [json.loads(file.read_text()) for file in (tmp_path / "run").glob("decisions/*/tree.json")]
    moved = [node["subgoal"] for tree in trees for node in tree["nodes"]]
    assert moved and not any(text.split(" next ")[0].endswith("the red moon") for text in moved)


@pytest.mark.parametrize(
    ("instruction", "rule", "words"),
    [
        ("push the red moon to the top left corner", "never move the red moon", "asks to move the red moon"),
        ("move all blocks to the left side", "keep the left side clear", "left side"),
        (GOAL, "be careful", "expected a standing rule"),
        (GOAL, "never move the purple star", "expected"),
        (GOAL, "at most -5 cm a second", "expected"),
    ],
)
def test_what_rules_do_not_allow_is_answered_with_why(
    vlp_here: Vlp, tmp_path: Path, instruction: str, rule: str, words: str
) -> None:
    done = vlp_here("run", instruction, *SMALL, "--rule", rule, "--out", "run")
    assert done.returncode == 2 and words in done.stderr.splitlines()[-1]
    assert steps(tmp_path / "run") == 0


@pytest.mark.parametrize("command", ["stop", "rearm", "resume"])
def test_a_folder_without_a_run_is_one_line(vlp_here: Vlp, tmp_path: Path, command: str) -> None:
    (tmp_path / "empty").mkdir()
    done = vlp_here(command, "empty")
    assert (
        done.returncode == 5 and done.stderr.count("\n") == 1 and "expected one that vlp run" in done.stderr
    )
    assert list((tmp_path / "empty").iterdir()) == []
