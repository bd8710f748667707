"""Options that take several values add up, in every command; a bare one is refused."""

from __future__ import annotations

import dataclasses
import typing
from pathlib import Path

import pytest

from vlp import Agent
from vlp.cli.bench import Bench
from vlp.cli.main import _Commands, parse
from vlp.cli.run import Run
from vlp.durable.store import Store
from vlp.errors import UsageError
from vlp.session.listed import GivenValues
from vlp.session.options import keep_run, kept_run
from vlp.session.request import RunRequest

RULED = {"run": ["x"], "plan": ["x"], "demo": [], "serve": [], "mcp": []}
NEVER, SLOW, CLEAR = "never move the red moon", "at most 5 cm a second", "keep the left side clear"
LEAST = {
    "bench": ["execution"],
    "ablate": ["budget"],
    "collect": ["--out", "x", "--episodes", "1"],
    "bench-world": ["metaworld", "--track", "165"],
    "train": ["world", "--minutes", "1"],
    "imagine": ["x", "--models", "m"],
}
VALUES = {"rule": (NEVER, SLOW), "vlm_for": ("proposer", "value"), "tasks": ("line", "area"),
          "method": ("ours", "no-search"), "seconds": (1.0, 3.0), "budget": ("free", "limit"),
          "task": ("door-open", "hammer"), "camera": ("corner", "corner2"), "video": ("copy", "slots"),
          "track": ("wandb", "tensorboard"), "corrected": (Path("one"), Path("other")),
          "data": (Path("one"), Path("other")),
          "timelapse": (Path("one"), Path("other")), "own": (Path("one"), Path("other")),
          "frame": (Path("a.png"), Path("b.png")), "families": ("block2block", "block2line")}  # fmt: skip


def lists() -> list[tuple[str, str]]:
    """Every option of every command that takes as many values as one likes."""
    found = []
    for annotated in typing.get_args(_Commands):
        command, named = typing.get_args(annotated)
        for name, hint in typing.get_type_hints(command).items():
            if typing.get_origin(hint) is tuple and typing.get_args(hint)[-1] is Ellipsis:
                found.append((named.name, name))
    return found


def test_all_lists_are_known() -> None:
    found = lists()
    assert {command for command, name in found if name == "rule"} == set(RULED)
    assert {name for _, name in found} == set(VALUES)


@pytest.mark.parametrize(("command", "name"), lists(), ids=str)
def test_a_list_adds_up(command: str, name: str) -> None:
    option, values = "--" + name.replace("_", "-"), VALUES[name]
    first, second = map(str, values)
    line = [command, *LEAST.get(command, RULED.get(command, []))]
    for said in ([option, first, option, second], [f"{option}={first}", f"{option}={second}"],
                 [option, first, second]):  # fmt: skip
        got = getattr(parse([*line, *said]), name)
        assert got == values and not isinstance(got, GivenValues)
    with pytest.raises(UsageError, match=rf"{option}: expected .* after it, got nothing"):
        parse([*line, option])
    assert getattr(parse(line), name) == ()


@pytest.mark.parametrize("command", RULED)
def test_rules_far_apart_all_hold(command: str) -> None:
    said = ["--rule", NEVER, "--seed", "7", "--rule", SLOW, CLEAR, "--beams", "1", *RULED[command]]
    assert parse([command, *said]).rule == (NEVER, SLOW, CLEAR)  # type: ignore[attr-defined]


@pytest.mark.parametrize("said", [[""], ["  "], ["", NEVER], [NEVER, "--rule", ""]], ids=repr)
@pytest.mark.parametrize("command", RULED)
def test_an_empty_rule_is_refused(
    command: str, said: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    words = ["push the red moon to the blue cube"] if RULED[command] else []
    with pytest.raises(UsageError, match="rule: expected"):
        parse([command, *words, "--rule", *said]).run()
    assert not list(tmp_path.iterdir())


def test_a_run_that_goes_on_has_all_its_rules(tmp_path: Path) -> None:
    asked = parse(["run", "x", "--rule", NEVER, "--rule", SLOW])
    assert isinstance(asked, Run)
    with Store(tmp_path / "state.sqlite") as store:
        keep_run(store, asked, {})
        kept, _ = kept_run(store)
    assert kept.rule == (NEVER, SLOW)
    given = {one.name: getattr(asked, one.name) for one in dataclasses.fields(RunRequest)}
    assert dataclasses.asdict(kept) == given
    kept.models()


def test_no_list_at_all_means_all_of_them() -> None:
    whole = Bench(what="execution").asked()
    assert whole.tasks == ("area", "group", "line") and "ours" in whole.methods
    assert parse(["run", "x", "--vlm-for", "proposer", "value", "success"]).models() is not None  # type: ignore[attr-defined]


def test_rules_of_the_sdk_are_a_list() -> None:
    with pytest.raises(UsageError, match="rules: expected a list"):
        Agent.simulated(rules=NEVER)
