"""Whatever signal ends a command ends it in order: nothing that was done is lost."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import pytest

from tasks import signals
from tasks.data.video_file import read_video
from tasks.tabletop.demos.collect import demonstrate
from tasks.tabletop.demos.lerobot_read import read_episodes
from tasks.tabletop.demos.lerobot_write import RecordedEpisode
from vlp.cli.collect import Collect
from vlp.cli.main import main
from vlp.record.folder import RunFolder
from vlp.record.report.page import write_report

FRAME = np.full((8, 8, 3), 90, np.uint8)


@pytest.fixture
def handled() -> Iterator[None]:
    """Signals are handled as in a process of `vlp`."""
    # A shell gives what it starts in the background an ignored SIGINT.
    before = {number: signal.signal(number, signal.SIG_DFL) for number in signals.ENDING}
    signals.handle()
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def ends(number: int) -> type[BaseException]:
    return KeyboardInterrupt if number == signal.SIGINT else SystemExit


def test_all_that_would_end_a_process_are_handled() -> None:
    """Asked of the system itself: each is sent to a process of its own that does not handle it."""
    broken = {signal.SIGABRT, signal.SIGBUS, signal.SIGFPE, signal.SIGILL, signal.SIGSEGV, signal.SIGSYS,
              signal.SIGTRAP, signal.SIGKILL, signal.SIGPIPE, signal.SIGXFSZ}  # fmt: skip
    named = {number for number in signal.valid_signals() if isinstance(number, signal.Signals)}
    for number in named - broken - set(signals.ENDING) - {signal.SIGRTMIN, signal.SIGRTMAX}:
        if (pid := os.fork()) == 0:
            signal.signal(number, signal.SIG_DFL) if number != signal.SIGSTOP else None
            os.kill(os.getpid(), number)
            os._exit(0)
        _, status = os.waitpid(pid, os.WUNTRACED)
        assert not os.WIFSIGNALED(status), f"{number.name} ends a process and is not handled"
        if os.WIFSTOPPED(status):
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)


@pytest.mark.parametrize("number", signals.ENDING, ids=lambda number: signal.Signals(number).name)
def test_a_run_leaves_result_report_and_film(number: int, tmp_path: Path, handled: None) -> None:
    with pytest.raises(ends(number)) as caught, RunFolder.create(tmp_path, "one") as run:
        for _ in range(13):
            run.add_frame(FRAME)
        os.kill(os.getpid(), number)
    if number != signal.SIGINT:
        assert caught.value.code == 128 + number  # type: ignore[attr-defined]
    assert json.loads((run.path / "result.json").read_text())["status"] == "interrupted"
    assert (run.path / "report.html").is_file() and len(read_video(run.path / "execution.mp4")) == 13
    os.kill(os.getpid(), number)  # more of them are ignored


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGTERM, signal.SIGINT, signal.SIGQUIT])
def test_collect_loses_nothing(
    number: int, tmp_path: Path, handled: None, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    made: list[RecordedEpisode] = []

    def demonstrate_until(seed: int, kind: Literal["push"], families: Sequence[str]) -> RecordedEpisode:
        if len(made) == 2:
            os.kill(os.getpid(), number)
        made.append(demonstrate(seed, kind, families))
        return made[-1]

    monkeypatch.setattr("tasks.tabletop.demos.collect.demonstrate", demonstrate_until)
    monkeypatch.setattr(
        "vlp.cli.main.parse", lambda _: Collect(out=tmp_path / "data", episodes=9, kind="push")
    )
    assert main([]) == 128 + number
    assert capsys.readouterr().err.splitlines()[-1].startswith("vlp: ")
    assert [len(episode) for episode in read_episodes(tmp_path / "data")] == [len(one) for one in made]


def test_a_signal_while_files_are_closed_waits_until_they_are(
    tmp_path: Path, handled: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = RunFolder.create(tmp_path, "one")
    run.add_frame(FRAME)

    def hung_up(path: Path, result: Mapping[str, object]) -> None:
        os.kill(os.getpid(), signal.SIGHUP)
        write_report(path, result)

    monkeypatch.setattr("vlp.record.folder.write_report", hung_up)
    with pytest.raises(SystemExit), run:
        run.finish({"complete": True})
    assert json.loads((run.path / "result.json").read_text())["complete"] is True
    assert (run.path / "report.html").is_file()


def test_what_is_ignored_stays_ignored(tmp_path: Path, environment: dict[str, str]) -> None:
    code = """
import os, signal
from tasks import signals
signals.handle()
os.kill(os.getpid(), signal.SIGHUP)
print("goes on")
"""
    done = subprocess.run(
        ["nohup", sys.executable, "-c", code], env=environment, cwd=tmp_path, capture_output=True, text=True
    )
    assert done.stdout == "goes on\n", done.stderr


def test_the_terminal_that_is_gone_is_not_written_to(tmp_path: Path, environment: dict[str, str]) -> None:
    code = """
import os, signal, sys
from tasks import signals
from vlp.terminal import stderr
signals.handle()
sys.stdin.readline()
stderr().print("x" * 100)
try:
    os.kill(os.getpid(), signal.SIGHUP)
finally:
    print("y" * 100_000, flush=True)
    open("whole", "w").close()
"""
    ours, theirs = os.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", code], env=environment, cwd=tmp_path,
        stdin=subprocess.PIPE, stdout=theirs, stderr=theirs,
    )  # fmt: skip
    os.close(theirs)
    os.close(ours)  # hung up
    process.communicate(b"go\n")
    assert process.returncode == 128 + signal.SIGHUP and (tmp_path / "whole").exists()
