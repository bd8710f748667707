"""The live view: plain lines off a terminal, a picture on one, nothing on stdout."""

from __future__ import annotations

import io
from typing import Any

import pytest
from rich.console import Console

from planner import NoPlan, search
from planner.fakes import BanditProposer, BanditValue, BanditVideo, number_frame
from vlp.agent.narrate import searched
from vlp.cli.live import LiveView
from vlp.events.left import Left
from vlp.events.types import Acted, Event, Observed, Replanned, RunStarted, Stopped, SubgoalStarted, Verified

SIZES: dict[str, Any] = {"beams": 2, "language_branches": 3, "video_branches": 2, "horizon": 2, "seed": 0}
MODELS = (BanditProposer(), BanditVideo(), BanditValue())


def play(view: LiveView, instruction: str = "reach 100") -> None:
    with view:
        view(RunStarted(time=0.0, instruction=instruction, seed=0))
        plan = search(*MODELS, number_frame(0), "reach 100", **SIZES, on_event=view.on_event)
        subgoal = plan.plan[0].subgoal
        events: list[Event] = [
            searched(plan, time=1.5, decision=1, seconds=1.4),
            SubgoalStarted(time=1.5, decision=1, step=1, subgoal=subgoal),
            Acted(time=1.6, control_step=1, action=(0.1, 0.0), sent=(0.1, 0.0)),
            Observed(time=1.6, control_step=1, score=0.25),
            Verified(time=2.0, decision=1, subgoal=subgoal, outcome="go on", steps_to_go=95.0),
        ]
        for event in events:
            view(event)


def test_lines_off_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    play(LiveView())
    out, err = capsys.readouterr()
    assert out == ""
    assert [line.strip() for line in err.splitlines()] == [
        "0.0 s  instruction: reach 100",
        "level 1: best 95 steps to go, 0 branches rejected",
        "level 2: best 90 steps to go, 0 branches rejected",
        "1.5 s  decision 1: add 5; add 5, then 90 steps to go (18 clips, 0 rejected, 1.4 s)",
        "1.5 s  decision 1, step 1: add 5",
        "2.0 s  add 5: go on, 95 steps to go",
    ]


def test_the_end_in_words(capsys: pytest.CaptureFixture[str]) -> None:
    view = LiveView()
    with pytest.raises(NoPlan) as caught:
        search(*MODELS, number_frame(0), "reach 100", **SIZES, max_value_gain=-1000.0)
    view(searched(caught.value, time=1.0, decision=2, seconds=0.3))
    view(Replanned(time=2.0, reason="the star moved"))
    view(Stopped(time=3.0, reason="goal reached", score=1.0, complete=True, control_steps=80))
    err = capsys.readouterr().err
    assert "decision 2: no plan (6 clips, 6 rejected, 0.3 s)" in err
    assert "replan: the star moved" in err
    assert "complete after 80 control steps, score 1: goal reached" in err


def test_the_view_on_a_terminal() -> None:
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=True, width=120, height=40, color_system=None)
    play(LiveView(control_steps=500, console=console))
    last = screen.getvalue()[screen.getvalue().rindex("╭") :]
    for words in (
        "reach 100",
        "add 5",
        "95 ± 0",
        "1 control steps of about 96 (it gives up at 500), time left about",
        "add 5: go on, 95 steps to go",
        "0.25",
    ):
        assert words in last, words


@pytest.mark.parametrize("terminal", [False, True])
def test_an_instruction_cannot_steer_the_terminal(terminal: bool) -> None:
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=terminal, width=100, height=40)
    play(LiveView(console=console), instruction="go [red]there[/red] \x1b]0;title\x07")
    assert "[red]there[/red]" in screen.getvalue()
    assert "\x1b]0;" not in screen.getvalue()


def test_the_time_left_is_to_the_goal_and_not_to_the_cap() -> None:
    left = Left(cap=1500)
    told: list[Event] = [
        RunStarted(time=0.0, instruction="reach 100", seed=0),
        Verified(time=1.0, decision=1, subgoal="add 5", outcome="go on", steps_to_go=50.0),
    ]
    for event in told:
        left = left.after(event)
    assert left.seconds is None and "not known yet" in left.words, "nothing was acted so far"
    for step in range(1, 11):
        left = left.after(Acted(time=1.0 + 0.2 * step, control_step=step, action=(0, 0), sent=(0, 0)))
    assert left.goal == 50 and left.seconds == pytest.approx(40 * 3.0 / 10)
    for step in range(11, 51):
        left = left.after(Acted(time=1.0 + 0.2 * step, control_step=step, action=(0, 0), sent=(0, 0)))
    assert left.seconds is None, "it is past what the value said"


def test_the_reason_of_a_replan_stays_in_sight() -> None:
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=True, width=100, height=40, color_system=None)
    view = LiveView(console=console)
    with view:
        view(Replanned(time=2.0, reason="the star slid away"))
        view.on_event("proposed", {"depth": 1, "subgoals": ["add 5"]})
    last = screen.getvalue()[screen.getvalue().rindex("╭") :]
    assert "the star slid away" in last and "searching" in last
