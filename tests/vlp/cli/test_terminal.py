"""What reaches a terminal or a pipe: no colours that were not wanted, no codes of others, no broken pipe."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from typing import TextIO

import pytest

from vlp import __version__
from vlp.cli import main as cli
from vlp.cli.main import main
from vlp.errors import HeldError, ModelError, UsageError, VlpError
from vlp.plain import without_sequences

HOSTILE = (
    "\x1b[31mred\x1b[0m",
    "\x1b]0;owned\x07title",
    "\x1b]8;;http://evil\x1b\\link\x1b]8;;\x1b\\",
    "\x9b2J cleared",
    "\x1bc reset",
    "\x1bP1$r0m\x1b\\",
    "two\nlines\rback\x08\x7f\x00",
    "\u202egnol",
)


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


# -- pipes ---------------------------------------------------------------------------------------------


@contextmanager
def piped(*, left: bool) -> Iterator[TextIO]:
    """stdout as a pipe, whose reader may have left."""
    reader, writer = os.pipe()
    if left:
        os.close(reader)
    with open(writer, "w", encoding="utf-8") as file, redirect_stdout(file):
        yield file
    if not left:
        os.close(reader)


@pytest.mark.parametrize("argv", [["--version"], ["--help"], ["run", "--help"]])
def test_a_reader_that_has_left_is_no_error(argv: list[str], capfd: pytest.CaptureFixture[str]) -> None:
    """As `| head` leaves: nothing is said, and the exit code is that of SIGPIPE, as for any program."""
    with piped(left=True) as file:
        assert main(argv) == 141
        print("what is still said", file=file, flush=True)  # goes nowhere, and ends nothing
    assert capfd.readouterr().err == ""


def test_a_result_that_nobody_reads_is_no_error(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    class Talks:
        def run(self) -> int:
            print("a row\n" * 100_000)  # more than a pipe holds
            return 0

    monkeypatch.setattr(cli, "parse", lambda argv: Talks())
    with piped(left=True):
        assert main(["bench"]) == 141
    assert capfd.readouterr().err == ""


def test_another_pipe_that_breaks_is_an_error(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    class Breaks:
        def run(self) -> int:
            raise BrokenPipeError(32, "Broken pipe")

    monkeypatch.setattr(cli, "parse", lambda argv: Breaks())
    with piped(left=False):
        assert main(["bench"]) == 1
    (line,) = capfd.readouterr().err.splitlines()
    assert line.startswith("vlp: error: ") and "Broken pipe" in line and "free some space" not in line


# -- colours and the version ---------------------------------------------------------------------------


@pytest.mark.parametrize("flag", ["--version", "-V"])
def test_the_version_is_said(flag: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main([flag])
    assert end.value.code == 0
    assert capsys.readouterr() == (f"vlp {__version__}\n", "")


@pytest.mark.parametrize(("value", "coloured"), [(None, True), ("", True), ("1", False), ("0", False)])
def test_no_color_means_none(value: str | None, coloured: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Set to anything that is not empty, as https://no-color.org has it."""
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    if value is not None:
        monkeypatch.setenv("NO_COLOR", value)
    said = _Terminal()
    with redirect_stdout(said), pytest.raises(SystemExit):
        main(["run", "--help"])
    assert "usage: vlp run" in without_sequences(said.getvalue())
    assert ("\x1b[" in said.getvalue()) is coloured


# -- what others have said -----------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [VlpError, UsageError, ModelError, HeldError])
@pytest.mark.parametrize("text", HOSTILE)
def test_an_error_is_one_line_that_steers_no_terminal(kind: type[VlpError], text: str) -> None:
    said = str(kind(f"server: {text}; try again"))
    assert said.isprintable() and said.startswith("server: ") and said.endswith("; try again")
    assert not any(code in said for code in ("[31m", "owned", "evil", "[2J", "\u202e"))


def test_an_instruction_s_codes_are_not_repeated(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", "dance \x1b[31mred\x1b]0;owned\x07"]) == UsageError.exit_code
    (line,) = capsys.readouterr().err.splitlines()
    assert line.isprintable() and "dance" in line
