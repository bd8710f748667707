"""Instructions with several meanings at the terminal."""

from __future__ import annotations

import io
import sys

import pytest

from vlp.cli.which import with_one_meaning
from vlp.domains.base import domain
from vlp.errors import InstructionError
from vlp.session.request import RunRequest

SEED = 1_000_000


def check(request: RunRequest) -> str:
    """What the tabletop says of a request before anything is loaded."""
    domain().check(request.instruction, seed=request.seed, rules=())
    return request.instruction


def test_the_meaning_that_is_chosen_is_carried_out(capsys: pytest.CaptureFixture[str]) -> None:
    asked = RunRequest(instruction="put the star on the left and the moons on the right", seed=SEED)
    chosen = with_one_meaning(asked, check, io.StringIO("9\nx\n2\n"))
    assert "yellow star" in chosen and "green star" not in chosen
    shown = capsys.readouterr().err
    assert "1. put the green star in left" in shown and shown.count("which is meant") == 3


def test_where_nobody_answers_the_error_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = RunRequest(instruction="push the cube to the left", seed=SEED)
    with pytest.raises(InstructionError, match="say which") as error:
        with_one_meaning(asked, check, io.StringIO(""))
    assert error.value.readings == ("push the blue cube to the left", "push the green cube to the left")
    monkeypatch.setattr(sys, "stdin", io.StringIO("1\n"))  # no terminal
    with pytest.raises(InstructionError, match="say which"):
        with_one_meaning(asked, check)


def test_what_is_clear_is_not_asked_about() -> None:
    asked = RunRequest(instruction="push the blue cube to the left", seed=SEED)
    assert with_one_meaning(asked, check, io.StringIO("")) == asked.instruction
