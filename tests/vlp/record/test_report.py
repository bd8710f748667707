"""The report as a browser reads it: whole, self-contained, and safe against what an instruction holds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from planner import NoPlan, Search, search
from planner.fakes import BanditProposer, BanditValue, BanditVideo, number_frame
from tests import films
from tests.vlp.console.serving import browser_page
from vlp.agent.narrate import searched
from vlp.events.types import Acted, Event, Observed, Replanned, RunStarted, SubgoalStarted, Verified
from vlp.record.decision import ActedSubgoal, Decision
from vlp.record.folder import RunFolder
from vlp.record.report.chart import Chart
from vlp.record.report.page import render, write_report
from vlp.record.report.parts import OPEN_ROWS
from vlp.record.report.story import parts

VOID = {"meta", "img", "br", "link", "input", "hr", "source", "track"}
EVIL = "reach 100 <script>alert(1)</script>"


@dataclass
class Page(HTMLParser):
    """Collects what a page is made of, and holds that its tags close."""

    tags: list[str] = field(default_factory=list)
    links: list[str] = field(default_factory=list)
    stack: list[str] = field(default_factory=list)
    words: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value or "" for name, value in attrs if name in ("src", "href")]
        assert not [name for name, _ in attrs if name.startswith("on")]
        if tag not in VOID:
            self.stack.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.stack.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


def read(html: str) -> Page:
    page = Page()
    page.feed(html)
    page.close()
    assert page.stack == []
    return page


def found(**settings: Any) -> Search:
    sizes = {"beams": 2, "language_branches": 3, "video_branches": 2, "horizon": 2, "seed": 0} | settings
    models = (BanditProposer(), BanditVideo(length=4, noise=2), BanditValue())
    return search(*models, number_frame(0), "reach 100", **sizes)


def saved(plan: Search | NoPlan, number: int = 1) -> Decision:
    if isinstance(plan, NoPlan):
        return Decision(number, plan.tree, None, "no plan", 0.2)
    return Decision(number, plan.tree, plan.plan, plan.stopped, 0.2)


def events(plan: Search) -> list[Event]:
    return [
        RunStarted(time=0.0, instruction=EVIL, seed=4),
        searched(plan, time=1.0, decision=1, seconds=0.2),
        Observed(time=1.1, control_step=1, score=0.0),
        Acted(time=1.2, control_step=40, action=(0.1, 0.0), sent=(0.1, 0.0)),
        Verified(time=1.3, decision=1, subgoal="add 5", outcome="go on", steps_to_go=90.0),
        Observed(time=1.4, control_step=41, score=0.25),
    ]


def test_the_page_shows_the_run() -> None:
    plan = found()
    result = {
        "complete": True,
        "score": 0.75,
        "control_steps": 41,
        "models": {"video": {"name": "nano-video", "sha256": "abc123"}, "value": "distance"},
        "seconds_by_part": {"video": 1.5, "policy": 0.0},
    }
    clip = plan.plan[0].clip
    acted = [
        ActedSubgoal(1, "add 5", clip, clip[:2], "go on"),
        ActedSubgoal(1, "add 2", clip, clip[:0], "replan"),
    ]
    page = read(render(result, events(plan), [(saved(plan), acted)]))
    for words in ("complete", "0.75", "nano-video", "abc123", "1.5 s", "Decision 1", "Imagined beside real",
                  "Steps to go", "control step (0.1 s each)", "score (0 to 1)", "no real frame"):  # fmt: skip
        assert words in page.text, words
    pictures = len(plan.tree.nodes) + len(plan.plan) + len(acted) + 1
    assert page.tags.count("img") == pictures and page.tags.count("svg") == 2


def test_nothing_is_fetched_or_run() -> None:
    plan = found()
    html = render({}, events(plan), [(saved(plan), [])])
    page = read(html)
    assert page.links and all(link.startswith("data:image/") for link in page.links)
    assert not {"script", "link", "iframe", "object"} & set(page.tags)
    assert "http://" not in html and "https://" not in html and "url(" not in html


def test_what_others_wrote_is_escaped() -> None:
    plan = found()
    first = replace(plan.tree.nodes[0], subgoal='"><script>x</script>', rejected="<img src=x onerror=y>")
    plan = replace(plan, tree=replace(plan.tree, nodes=(first, *plan.tree.nodes[1:])))
    html = render({"models": {"<script>": "<script>"}}, events(plan), [(saved(plan), [])])
    page = read(html)
    assert "script" not in page.tags
    assert EVIL in page.text and "<img src=x onerror=y>" in page.text


def test_many_branches_are_folded() -> None:
    plan = found(beams=2, language_branches=3, video_branches=15, horizon=2)
    page = read(render({}, [], [(saved(plan), [])]))
    assert page.text.count(f"{45 - OPEN_ROWS} more branches of level 1") == 1
    assert page.text.count(f"{90 - OPEN_ROWS} more branches of level 2") == 1
    assert page.tags.count("tr") - page.tags.count("thead") == len(plan.tree.nodes)


def test_rows_come_plan_first_and_rejected_last() -> None:
    plan = found(max_value_gain=4.0)
    assert plan.tree.rejections()
    text = read(render({}, [], [(saved(plan), [])])).text
    tree = text[text.index("Level 1") : text.index("Level 2")]
    words = [word for word in tree.split() if word in ("kept", "dropped", "rejected")]
    assert words == sorted(words, key=["kept", "dropped", "rejected"].index)
    assert "value jumps" in tree


def test_no_plan_says_so() -> None:
    with pytest.raises(NoPlan) as caught:
        found(max_value_gain=-1000.0)
    assert "No plan." in read(render({}, [], [(saved(caught.value), [])])).text


def test_a_run_that_was_killed_still_makes_a_report(tmp_path: Path) -> None:
    plan = found()
    run = RunFolder.create(tmp_path, "one")
    for event in events(plan):
        run.record(event)
    run.save_decision(1, plan, 0.2)
    (run.path / "decisions" / "02").mkdir()  # begun, not sealed
    page = read(write_report(run.path).read_text(encoding="utf-8"))
    assert "unfinished" in page.text and "Decision 1" in page.text and "Decision 2" not in page.text
    assert "score 0.25" in page.text
    run.finish({})


def test_decisions_are_sorted_by_number(tmp_path: Path) -> None:
    with RunFolder.create(tmp_path, "one") as run:
        for number in (100, 2, 11):
            run.save_decision(number, found(horizon=1), 0.1)
        run.finish({})
    text = read((run.path / "report.html").read_text(encoding="utf-8")).text
    assert text.index("Decision 2 ") < text.index("Decision 11 ") < text.index("Decision 100 ")


def test_twenty_decisions_of_64_branches_stay_small() -> None:
    rng = np.random.default_rng(0)
    plan = found(beams=2, language_branches=1, video_branches=32, horizon=1)
    wide = plan.tree.nodes * 2
    clip = np.full((8, 96, 128, 3), 220, dtype=np.uint8)
    clip[:, 30:50, 40:60] = (200, 50, 40)
    clip += rng.integers(0, 6, clip.shape, dtype=np.uint8)
    nodes = tuple(replace(node, id=i, clip=clip, last_frame=clip[-1]) for i, node in enumerate(wide))
    decision = saved(replace(plan, tree=replace(plan.tree, root_frame=clip[0], nodes=nodes)))
    log: list[Event] = [searched(plan, time=0.0, decision=1, seconds=1.0)] * 20
    assert len(nodes) == 64 and len(render({}, log, [(decision, [])])) * 20 < 6_000_000


def test_charts_read_without_eyes() -> None:
    chart = Chart(
        title="A & B", x_label="time (s)", y_label="metres", points=[(0, 3), (10, 1.5)], marks=[(5, "1")]
    )
    page = read(str(chart.svg()))
    assert page.tags[:2] == ["svg", "title"] and "A & B: metres over time (s)" in page.text
    assert "nothing measured" in read(str(replace(chart, points=[], marks=[]).svg())).text
    many = replace(chart, points=[(float(i), 1.0) for i in range(500)], stairs=True)
    assert "circle" not in read(str(many.svg())).tags


def test_reasons_stand_where_a_plan_was_given_up() -> None:
    plan = found()
    clip = plan.plan[0].clip
    told = [
        *events(plan)[:-2],
        Verified(time=1.3, decision=1, subgoal="add 5", outcome="replan"),
        Replanned(time=1.3, reason="the star slid away"),
        searched(plan, time=2.0, decision=2, seconds=0.2),
    ]
    acted = [ActedSubgoal(1, "add 5", clip, clip[:2], "replan")]
    html = render({}, told, [(saved(plan), acted), (saved(plan, 2), [])])
    text = read(html).text
    first, second = text.index("Decision 1"), text.index("Decision 2")
    assert first < text.index("the star slid away") < second
    assert "Planned anew: the star slid away" in text[second:]


def test_parts_add_up_to_the_run_and_hashes_come_last() -> None:
    result = {
        "seconds": 10.0,
        "seconds_by_part": {"search": 4.0, "video": 3.0, "value": 0.5, "acting": 5.0, "policy": 2.0},
        "models": {"video": {"sha256": "abc123"}},
    }
    found_parts = parts(result)
    assert sum(part.seconds for part in found_parts if not part.inner) == pytest.approx(10.0)
    assert [part.name for part in found_parts] == [
        "search", "video", "value", "acting", "policy", "all else",
    ]  # fmt: skip
    plan = found()
    text = read(render(result, events(plan), [(saved(plan), [])])).text
    assert text.index("Level 2") < text.index("Where the time went") < text.index("abc123")


@pytest.fixture
def large_films() -> Iterator[None]:
    films.set_size(films.LARGE)
    yield
    films.set_size(films.SMALL)


@pytest.mark.usefixtures("large_films")
def test_the_film_plays_with_captions_and_can_be_scrubbed(tmp_path: Path) -> None:
    plan = found()
    with RunFolder.create(tmp_path, "run") as run:
        told: list[Event] = [
            RunStarted(time=0.0, instruction=EVIL, seed=4),
            searched(plan, time=1.0, decision=1, seconds=0.2),
            SubgoalStarted(time=1.0, decision=1, step=1, subgoal="add <b>5</b> --> 1"),
        ]
        for step in range(1, 31):
            number = run.add_frame(np.full((96, 128, 3), 8 * step, np.uint8))
            told.append(Acted(time=1.0, control_step=step, action=(0, 0), sent=(0, 0), frame_index=number))
            if step == 20:
                told.append(Verified(time=1.2, decision=1, subgoal="add 5", outcome="replan"))
                told.append(Replanned(time=1.2, reason="it slid"))
                told.append(SubgoalStarted(time=1.2, decision=2, step=1, subgoal="add 2"))
        for event in told:
            run.record(event)
        run.finish({"complete": True})
    page = run.path / "report.html"
    assert {"film.mp4", "execution.mp4"} <= set(read(page.read_text(encoding="utf-8")).links)
    with browser_page(page.as_uri()) as opened:
        shown = opened.evaluate(
            """async () => {
                const film = document.querySelector("video"), track = film.textTracks[0]
                const ready = (thing, name) => new Promise(r => thing.addEventListener(name, r, {once: true}))
                if (film.readyState < 2) await ready(film, "loadeddata")
                const element = document.querySelector("track")
                if (element.readyState < 2) await ready(element, "load")
                const seek = async second => {
                    const there = ready(film, "seeked")
                    film.currentTime = second
                    await there
                    return [...track.cues].filter(cue => cue.startTime <= second && second < cue.endTime)
                        .map(cue => cue.getCueAsHTML().textContent)
                }
                return [film.videoWidth, film.videoHeight, film.duration, track.mode,
                        await seek(2.5), await seek(1.0)]
            }"""
        )
    assert shown[:4] == [384, 288, pytest.approx(3.0), "showing"]
    assert "decision 2, step 1: add 2" in shown[4][0] and "planned anew: it slid" in shown[4][0]
    assert "add <b>5</b> --> 1" in shown[5][0]
