"""The command line: what is asked, who does it, and every error as one line.

Modules that take long to import are imported by the command that needs them, so that `vlp --help` is quick.
"""

from __future__ import annotations

import contextlib
import io
import sys
from collections.abc import Sequence
from typing import Annotated

import tyro
from tyro.conf import FlagCreatePairsOff, subcommand

from vlp.commands import Command
from vlp.commands.ablate import Ablate
from vlp.commands.bench import Bench
from vlp.commands.collect import Collect
from vlp.commands.listed import added_up
from vlp.commands.mcp import Mcp
from vlp.commands.process import SIGINT_CODE, SIGTERM_CODE, handle_signals, tune_allocator
from vlp.commands.resume import Resume
from vlp.commands.run import Demo, Plan, Run
from vlp.commands.serve import Serve
from vlp.commands.stop import Rearm, Stop
from vlp.commands.train import Train
from vlp.errors import UsageError, VlpError

_Commands = (
    Annotated[Demo, subcommand("demo")]
    | Annotated[Run, subcommand("run")]
    | Annotated[Plan, subcommand("plan")]
    | Annotated[Resume, subcommand("resume")]
    | Annotated[Stop, subcommand("stop")]
    | Annotated[Rearm, subcommand("rearm")]
    | Annotated[Serve, subcommand("serve")]
    | Annotated[Mcp, subcommand("mcp")]
    | Annotated[Collect, subcommand("collect")]
    | Annotated[Train, subcommand("train")]
    | Annotated[Bench, subcommand("bench")]
    | Annotated[Ablate, subcommand("ablate")]
)
_DESCRIPTION = "Plan in language and imagined video, act in PyBullet."


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command line (None: this process's); returns its exit code and raises nothing but SystemExit."""
    try:
        command = parse(sys.argv[1:] if argv is None else argv)
        if argv is None:
            handle_signals()
            if command.uses_torch:
                tune_allocator()
        return command.run()
    except VlpError as error:
        return _say("error: " + str(error), error.exit_code)
    except KeyboardInterrupt as error:
        return _say("; ".join(["interrupted", *_notes(error)]), SIGINT_CODE)
    except SystemExit as error:
        if error.code != SIGTERM_CODE:
            raise
        return _say("; ".join(["terminated", *_notes(error)]), SIGTERM_CODE)
    except OSError as error:
        return _say(f"error: {error}; free some space or choose another folder", VlpError.exit_code)


def parse(argv: Sequence[str]) -> Command:
    """The command that a command line asks for. Raises UsageError; SystemExit(0) after --help."""
    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said):
            command: Command = tyro.cli(
                _Commands,
                prog="vlp",
                description=_DESCRIPTION,
                args=list(argv),
                config=(FlagCreatePairsOff,),
            )
    except SystemExit as error:
        if not error.code:
            raise
        raise UsageError(_first_words(said.getvalue(), argv)) from None
    return added_up(command)


def _first_words(box: str, argv: Sequence[str]) -> str:
    """What a box of several lines says above its first rule, in one line."""
    rows = [row.strip("│╭╮╰╯ ") for row in box.splitlines()[1:]]
    if rows and not set(rows[0]) - {"-"}:  # where stderr is ASCII, a rule stands under the title too
        rows = rows[1:]
    ends = [number for number, row in enumerate(rows) if not set(row) - {"─", "-"}]
    text = " ".join(rows[: ends[0] if ends else None]).rstrip(".") or "expected a command"
    help_of = f"vlp {argv[0]} --help" if argv and argv[0].isalpha() else "vlp --help"
    return f"{text}; see {help_of}"


def _notes(error: BaseException) -> list[str]:
    return list(getattr(error, "__notes__", []))


def _say(text: str, exit_code: int) -> int:
    """One line on stderr, whatever characters are in it."""
    line = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in " ".join(text.split()))
    print(f"vlp: {line}", file=sys.stderr, flush=True)
    return exit_code
