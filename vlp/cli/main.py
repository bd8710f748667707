"""The command line: what is asked, who does it, and every error as one line.

Modules that take long to import are imported by the command that needs them, so that `vlp --help` is quick.
"""

from __future__ import annotations

import contextlib
import errno
import io
import os
import signal
import sys
from collections.abc import Sequence
from typing import Annotated, Final

import tyro
from tyro.conf import FlagCreatePairsOff, subcommand

from vlp import __version__
from vlp.cli import Command
from vlp.cli.ablate import Ablate
from vlp.cli.bench import Bench
from vlp.cli.bench_world import BenchWorld
from vlp.cli.check import Check
from vlp.cli.check_robot import CheckRobot
from vlp.cli.collect import Collect
from vlp.cli.export import Export
from vlp.cli.imagine import Imagine
from vlp.cli.mcp import Mcp
from vlp.cli.resume import Resume
from vlp.cli.run import Demo, PlanCommand, Run
from vlp.cli.serve import Serve
from vlp.cli.stop import Rearm, Stop
from vlp.cli.train import Train
from vlp.cli.worlds import Worlds
from vlp.errors import UsageError, VlpError
from vlp.plain import one_line, without_sequences
from vlp.process import tune_allocator
from vlp.session.listed import added_up

BENCH_WORLD: Final = "bench-world"
_Commands = (
    Annotated[Demo, subcommand("demo")]
    | Annotated[Run, subcommand("run")]
    | Annotated[PlanCommand, subcommand("plan")]
    | Annotated[Resume, subcommand("resume")]
    | Annotated[Stop, subcommand("stop")]
    | Annotated[Rearm, subcommand("rearm")]
    | Annotated[Serve, subcommand("serve")]
    | Annotated[Mcp, subcommand("mcp")]
    | Annotated[Export, subcommand("export")]
    | Annotated[Imagine, subcommand("imagine")]
    | Annotated[Worlds, subcommand("worlds")]
    | Annotated[Collect, subcommand("collect")]
    | Annotated[Check, subcommand("check")]
    | Annotated[CheckRobot, subcommand("check-robot")]
    | Annotated[Train, subcommand("train")]
    | Annotated[Bench, subcommand("bench")]
    | Annotated[BenchWorld, subcommand(BENCH_WORLD)]
    | Annotated[Ablate, subcommand("ablate")]
)
_DESCRIPTION = "Plan in language and imagined video, act in PyBullet."
_ADVICE: Final = {
    **dict.fromkeys((errno.ENOSPC, errno.EDQUOT, errno.EFBIG), "free some space or choose another folder"),
    **dict.fromkeys((errno.EACCES, errno.EPERM, errno.EROFS), "choose a folder that can be written"),
    **dict.fromkeys((errno.EMFILE, errno.ENFILE), "close some files (ulimit -n)"),
}
"""What to do about an error of the system, where that is known."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command line (None: this process's); returns its exit code and raises nothing but SystemExit."""
    try:
        try:
            code = _run(argv)
        finally:
            sys.stdout.flush()
        return code
    except VlpError as error:
        return _say("error: " + str(error), error.exit_code)
    except KeyboardInterrupt as error:
        return _say("; ".join(["interrupted", *_notes(error)]), 128 + signal.SIGINT)
    except SystemExit as error:
        if not isinstance(error.code, int) or error.code <= 128:
            raise
        return _say("; ".join([_ended(error.code - 128), *_notes(error)]), error.code)
    except OSError as error:
        return _refused(error)


def _run(argv: Sequence[str] | None) -> int:
    command = parse(sys.argv[1:] if argv is None else argv)
    if argv is None:
        from tasks import signals  # heavier than a command line that is only read needs

        signals.handle()
        if command.uses_torch:
            tune_allocator()
    return command.run()


def _ended(number: int) -> str:
    return "terminated" if number == signal.SIGTERM else f"ended by {signal.Signals(number).name}"


def _refused(error: OSError) -> int:
    """An error of the system in one line; none where whoever read the result has left, as `head` does."""
    from vlp.terminal import close_stdout, reader_left

    left = isinstance(error, BrokenPipeError) and reader_left()
    try:
        sys.stdout.flush()
    except OSError:
        close_stdout()
    if left:
        close_stdout()  # whatever is still said to it must not fail
        return 128 + signal.SIGPIPE
    advice = _ADVICE.get(error.errno or 0)
    return _say(f"error: {error}" + (f"; {advice}" if advice else ""), VlpError.exit_code)


def parse(argv: Sequence[str]) -> Command:
    """The command that a command line asks for. Raises UsageError; SystemExit(0) after --help and
    --version."""
    if list(argv) in (["--version"], ["-V"]):
        print(f"vlp {__version__}")
        raise SystemExit(0)
    argv = _of_a_world(argv)
    said = io.StringIO()
    tyro._experimental_options["ansi_codes"] = not os.environ.get("NO_COLOR")
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
        raise UsageError(_first_words(without_sequences(said.getvalue()), argv)) from None
    return added_up(command)


def _of_a_world(argv: Sequence[str]) -> Sequence[str]:
    """`vlp bench WORLD` has options of its own."""
    if len(argv) > 1 and argv[0] == "bench" and argv[1].isalpha() and argv[1] not in ("execution", "video"):
        return [BENCH_WORLD, *argv[1:]]
    return argv


def _first_words(box: str, argv: Sequence[str]) -> str:
    """What a box of several lines says above its first rule, in one line."""
    rows = [row.strip("│╭╮╰╯ ") for row in box.splitlines()[1:]]
    if rows and not set(rows[0]) - {"-"}:  # where stderr is ASCII, a rule stands under the title too
        rows = rows[1:]
    ends = [number for number, row in enumerate(rows) if not set(row) - {"─", "-"}]
    text = " ".join(rows[: ends[0] if ends else None]).rstrip(".") or "expected a command"
    if argv and argv[0] == BENCH_WORLD:  # as it was typed
        text, argv = text.replace(BENCH_WORLD, f"bench {argv[1]}"), ["bench", argv[1]]
        return f"{text}; see vlp {' '.join(argv)} --help"
    help_of = f"vlp {argv[0]} --help" if argv and argv[0].isalpha() else "vlp --help"
    return f"{text}; see {help_of}"


def _notes(error: BaseException) -> list[str]:
    return list(getattr(error, "__notes__", []))


def _say(text: str, exit_code: int) -> int:
    """One line on stderr, whatever characters are in it, where there is somebody to read it."""
    with contextlib.suppress(OSError):
        print(f"vlp: {one_line(text)}", file=sys.stderr, flush=True)
    return exit_code
