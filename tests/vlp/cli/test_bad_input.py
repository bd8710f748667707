"""Whatever is wrong: one clear line, a non-zero exit, nothing lost, nothing moved."""

from __future__ import annotations

import json
import pickle
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from planner import Frames
from tasks.data.video_file import read_video
from tests.forked import Forks, Process
from vlp.cli.main import main
from vlp.domains.base import domain
from vlp.domains.tabletop.build import build
from vlp.events.types import read_events
from vlp.models.weights import BUNDLED

GROUP = "group the blocks by color"
SMALL = (
    "--beams",
    "1",
    "--language-branches",
    "1",
    "--video-branches",
    "1",
    "--horizon",
    "1",
    "--device",
    "cpu",
)


def one_line(stderr: str) -> str:
    (line,) = stderr.splitlines()
    assert line.startswith("vlp: error: ")
    return line


def entries(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


INSTRUCTIONS: dict[str, str | bytes] = {
    "empty": "",
    "blank": " \t\n ",
    "100,000 characters": "push the red moon " * 5556,
    "100,000 letters": "a" * 100_000,
    "emoji": "push the 🔴🌙 to the 🟦",
    "lone surrogates": b"push the \xed\xa0\x80 red moon \xff",
    "unknown block": "push the pink elephant to the blue cube",
    "block that is not on the board": "push the red cube to the blue cube",
    "unknown task": "make me a coffee",
    "nearly a task": "group the blocks by colour and smell",
    "only part is understood": "move the stars to the left unless they are red",
    "what may not be": "don't push the red moon",
}


def assert_refused(stdout: str, stderr: str, folder: Path) -> None:
    """By one line that says what else can be asked."""
    assert stdout == ""
    line = one_line(stderr)
    assert "expected" in line and GROUP in line and "push the red moon to the blue cube" in line
    assert len(line) < 2000
    assert entries(folder) == []


@pytest.mark.parametrize("text", INSTRUCTIONS.values(), ids=INSTRUCTIONS)
def test_instruction(vlp: Any, tmp_path: Path, text: str | bytes) -> None:
    done = vlp("run", text)
    assert done.returncode == 2
    assert_refused(done.stdout, done.stderr, tmp_path)


@pytest.mark.parametrize("text", INSTRUCTIONS.values(), ids=INSTRUCTIONS)
def test_instruction_of_a_plan(vlp_here: Any, tmp_path: Path, text: str | bytes) -> None:
    done = vlp_here("plan", text)
    assert done.returncode == 2
    assert_refused(done.stdout, done.stderr, tmp_path)


@pytest.mark.parametrize("text", ["push\0 the red moon", "\0", "push the \ud800 red moon", "\udcff"])
def test_instruction_that_no_shell_can_pass(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["run", text]) == 2
    line = one_line(capsys.readouterr().err)
    assert "\0" not in line and GROUP in line
    assert entries(tmp_path) == []


def test_what_can_be_asked_can_be_asked(capsys: pytest.CaptureFixture[str]) -> None:
    from vlp.domains.tabletop.check import check_instruction
    from vlp.domains.tabletop.known import PUSHES

    for text in (*PUSHES, GROUP, "clear the center", "move all blocks to the top left corner"):
        check_instruction(text, seed=0)


@pytest.mark.parametrize("option", ["--beams", "--language-branches", "--video-branches", "--horizon"])
@pytest.mark.parametrize("value", ["0", "-1", "65", "99999999999999999999", "two", "1.5", ""])
def test_numbers(
    option: str,
    value: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["run", GROUP, option, value]) == 2
    assert option.strip("-").split("-")[0] in one_line(capsys.readouterr().err)
    assert entries(tmp_path) == []


@pytest.mark.parametrize(
    "arguments",
    [
        ["--beams", "64", "--language-branches", "64", "--video-branches", "64"],
        ["--seed", "-1"],
        ["--seed", str(2**31)],
        ["--max-control-steps", "0"],
        ["--sampling-steps", "0"],
        ["--device", "toaster"],
        ["--preset", "huge"],
        ["--bems", "2"],
    ],
    ids=" ".join,
)
def test_options(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", GROUP, *arguments]) == 2
    one_line(capsys.readouterr().err)


def test_folder_in_use_is_left_as_it_is(vlp_here: Any, weights: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.tex").write_text("years of work")
    done = vlp_here("run", GROUP, "--weights", str(weights), "--out", "out")
    assert done.returncode == 5
    assert "out" in one_line(done.stderr)
    assert entries(tmp_path / "out") == ["thesis.tex"]


@pytest.mark.parametrize(
    "out", ["taken", "taken/out", "/proc/out", "/dev/null/out", "x" * 300, "a\nb", "nul\0/out"]
)
def test_folder_that_cannot_be_written(
    out: str,
    weights: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "taken").write_text("a file")
    monkeypatch.chdir(tmp_path)
    assert main(["run", GROUP, "--weights", str(weights), "--out", out]) == 5
    assert "expected" in one_line(capsys.readouterr().err)
    assert entries(tmp_path) == ["taken", "weights"]


def drop(path: Path) -> None:
    path.unlink()


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 4
    path.write_bytes(data)


def add_pickle(path: Path) -> None:
    path.with_name("pytorch_model.bin").write_bytes(pickle.dumps({}))


def replace_by_pickle(path: Path) -> None:
    path.write_bytes(pickle.dumps({"weight": [1.0] * 100}))


@pytest.mark.parametrize("harm", [drop, truncate, flip, add_pickle, replace_by_pickle])
def test_weights(vlp_here: Any, weights: Path, tmp_path: Path, harm: Callable[[Path], None]) -> None:
    harm(weights / "policy" / "model.safetensors")
    done = vlp_here("run", GROUP, "--weights", str(weights))
    assert done.returncode == 3
    assert "policy" in one_line(done.stderr)
    assert entries(tmp_path) == ["weights"]


def test_no_weights(vlp_here: Any, tmp_path: Path) -> None:
    done = vlp_here("run", GROUP, "--weights", "nowhere")
    assert done.returncode == 3
    assert "nowhere" in one_line(done.stderr)
    assert entries(tmp_path) == []


class NoClipPasses:
    def check(self, starts: Frames, clips: Frames, subgoals: Sequence[str]) -> list[str | None]:
        return ["a test forbids it"] * len(clips)


@pytest.mark.parametrize("command", ["run", "plan"])
def test_all_branches_rejected(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    parts = replace(build(weights=BUNDLED, device="cpu"), guards=(NoClipPasses(),))
    monkeypatch.setattr(type(domain()), "parts", lambda self, **_: parts)
    out = tmp_path / "out"
    assert main([command, GROUP, *SMALL, "--out", str(out)]) == 4
    line = capsys.readouterr().err.splitlines()[-1]
    assert line.startswith("vlp: error: no plan") and "a test forbids it" in line
    result = json.loads((out / "result.json").read_text())
    assert not result["complete"] and result["control_steps"] == 0 and result["plan"] == []
    assert "acted" not in kinds(out)
    assert "a test forbids it" in (out / "report.html").read_text()


def kinds(out: Path) -> list[str]:
    path = out / "events.jsonl"
    return [event.kind for event in read_events(path)] if path.exists() else []


def interrupt(
    forks: Forks,
    out: Path,
    environment: dict[str, str],
    number: signal.Signals,
    ready: Callable[[list[str]], bool],
    options: Sequence[str] = (),
) -> tuple[Process, str, list[str]]:
    """Start a run, send the signal once `ready` holds of its events; the ended process, its stderr, and the
    events until then."""
    command = ("run", GROUP, "--device", "cpu", *options, "--out", str(out))
    process = forks.begin(*command, folder=out.parent, environment=environment)
    try:
        end = time.monotonic() + 200
        while not ready(seen := kinds(out)) and process.poll() is None and time.monotonic() < end:
            time.sleep(0.05)
        process.send_signal(number)
        _, stderr = process.communicate(timeout=60)
    finally:
        process.kill()
        process.wait()
    return process, stderr, seen


def assert_readable(out: Path) -> None:
    result = json.loads((out / "result.json").read_text())
    assert result["status"] == "interrupted" and not result["complete"]
    assert kinds(out)[0] == "run_started"
    assert "interrupted" in (out / "report.html").read_text()


def test_interrupted_while_planning(forks: Forks, tmp_path: Path, environment: dict[str, str]) -> None:
    out = tmp_path / "out"
    process, stderr, seen = interrupt(
        forks, out, environment, signal.SIGINT, lambda kinds: "observed" in kinds
    )
    assert process.returncode == 130, stderr
    assert "searched" not in seen
    last = stderr.splitlines()[-1]
    assert last.startswith("vlp: interrupted; ") and str(out) in last and "Traceback" not in stderr
    assert_readable(out)
    assert "acted" not in kinds(out)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_interrupted_while_acting(
    forks: Forks, tmp_path: Path, environment: dict[str, str], number: signal.Signals, code: int
) -> None:
    out = tmp_path / "out"
    process, stderr, seen = interrupt(
        forks, out, environment, number, lambda kinds: kinds.count("acted") >= 3, SMALL
    )
    assert process.returncode == code, stderr
    assert "Traceback" not in stderr and str(out) in stderr.splitlines()[-1]
    assert_readable(out)
    acted = kinds(out).count("acted")
    assert seen.count("acted") <= acted <= seen.count("acted") + 20
    frames = read_video(out / "execution.mp4")
    assert abs(len(frames) - acted) <= 1 and frames.dtype == np.uint8


def test_a_wrong_option_is_one_line_whatever_stderr_can_show(
    environment: dict[str, str], tmp_path: Path
) -> None:
    said = []
    for encoding in ("utf-8", "ascii"):
        done = subprocess.run(
            [sys.executable, "-m", "vlp", "run", "x", "--beams", "two"],
            cwd=tmp_path,
            env={**environment, "PYTHONIOENCODING": encoding},
            capture_output=True,
            encoding="utf-8",
            check=False,
        )
        assert done.returncode != 0
        said.append(one_line(done.stderr))
    assert said[0] == said[1] and "--beams" in said[0] and "--- " not in said[0]
