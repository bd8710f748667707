"""Ablations: every table in small, the judge of imagined plans, pages and plots, going on, bad input."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
from PIL import Image

from executors.tabletop.inverse_dynamics import InverseDynamics
from executors.tabletop.last_frame import LastFrameRuntime
from executors.tabletop.runtime import Runtime
from executors.tabletop.simulated import SimulatedRobot
from planner import Frames
from tasks.tabletop.world.board import BLOCK_8
from tasks.tabletop.world.layout import Layout
from vlp.ablate import films as films_module
from vlp.ablate import judge_error as judge_error_module
from vlp.ablate.films import films
from vlp.ablate.judge_error import in_words, judge_error
from vlp.ablate.protocol import AskedAblation
from vlp.ablate.tabletop.imagined import METHOD, ImaginedPlan
from vlp.ablate.tabletop.suite import SUITE
from vlp.ablate.variants import AblationName, budget, execution, extraction, planning
from vlp.agent.agent import AgentLoop
from vlp.bench.engines import ENGINES
from vlp.bench.episode import Episode, NoFolder, run
from vlp.bench.line import Line
from vlp.bench.tabletop.demonstrator_proposer import DemonstratorProposer
from vlp.bench.tabletop.episode import TabletopEpisode
from vlp.cli.main import main
from vlp.domains.tabletop.build import TabletopParts, build
from vlp.domains.tabletop.simulator_video import SimulatorVideo
from vlp.errors import UsageError
from vlp.events.types import Events
from vlp.settings import TREE, Extraction, Settings

SEED = 1_000_050
GROUP, AREA = "group the blocks by color", "move all blocks to the left side"
SMALL = Settings(
    seed=SEED, beams=1, language_branches=2, video_branches=1, horizon=1, max_control_steps=8, device="cpu"
)
NAMES = get_args(AblationName)


@pytest.fixture(scope="module")
def parts() -> TabletopParts:
    return build(device="cpu")


class Scripted:
    """An engine whose scores rise with the width of the search, and which may stop before the end."""

    def __init__(self, stop_after: int = 1000) -> None:
        self.ran: list[Episode] = []
        self.stop_after = stop_after

    def __call__(
        self, episodes: Sequence[Episode], weights: Path, workers: int
    ) -> Iterator[tuple[Episode, Line]]:
        for episode in episodes:
            if len(self.ran) == self.stop_after:
                raise KeyboardInterrupt
            self.ran.append(episode)
            score = min(1.0, episode.settings.clips / 32)
            yield episode, {
                "score": score, "complete": score == 1.0, "reason": "scripted", "control_steps": 10,
                "decisions": 2, "seconds": 4.0,
                "seconds_by_part": {"search": 2 * (episode.settings.seconds or 1.0)},
            }  # fmt: skip


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Scripted:
    engine = Scripted()
    monkeypatch.setitem(ENGINES, "process", engine)
    return engine


class Page(HTMLParser):
    """Collects what a page is made of, and holds that its tags close."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.sources: list[str] = []
        self.words: list[str] = []
        self._open: list[str] = []
        self.feed(html)
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.sources += [value or "" for name, value in attrs if name in ("src", "href")]
        if tag not in ("meta", "img"):
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


def one_line(stderr: str) -> str:
    (line,) = stderr.splitlines()
    assert line.startswith("vlp: error: ")
    return line


# -- what is compared ------------------------------------------------------------------------------


def test_the_variants_are_the_papers() -> None:
    def sizes(settings: Settings) -> tuple[int, ...]:
        return settings.beams, settings.horizon, settings.language_branches, settings.video_branches

    found = {v.name: (sizes(v.of(SMALL)), v.paper) for a in (planning(), execution()) for v in a.variants}
    assert found == {
        "1/1/1": ((1, 16, 1, 1), {"complete": 0.04}),
        "1/1/4": ((1, 1, 2, 2), {"score": 0.489, "complete": 0.0}),
        "1/4/4": ((1, 16, 4, 4), {"complete": 0.22}),
        "2/4/4": ((2, 16, 4, 4), {"complete": 0.56}),
        "1/1/16": ((1, 1, 4, 4), {"score": 0.533, "complete": 0.02}),
        "1/2/16": ((1, 2, 4, 4), {"score": 0.581, "complete": 0.08}),
        "2/2/16": ((2, 2, 4, 4), {"score": 0.65, "complete": 0.16}),
    }
    assert sizes(planning().variants[1].of(SMALL)) == (1, 16, 1, 4)
    as_it_is = [a.reference.of(TREE) for a in (execution(), extraction())]
    assert as_it_is == [TREE, TREE]
    assert [v.of(SMALL).seconds for v in budget((3, 1, 3)).variants] == [1.0, 3.0]


def test_variants_share_boards_and_differ_in_settings_only() -> None:
    asked = AskedAblation(
        suite=SUITE,
        ablation=execution(),
        tasks=("line", "group"),
        episodes=3,
        first_seed=SEED,
        settings=SMALL,
    )
    plan = asked.plan()
    boards = {v.name: [(e.task, e.seed, e.instruction) for w, e in plan if w is v]
              for v in asked.ablation.variants}  # fmt: skip
    assert len(plan) == 3 * 2 * 4 and len({tuple(each) for each in boards.values()}) == 1
    assert {episode.settings.seed for _, episode in plan} == {SEED, SEED + 1, SEED + 2}
    assert [v.name for v, _ in plan[:4]] == ["1/1/4", "1/1/16", "1/2/16", "2/2/16"]


def test_settings_say_what_an_ablation_changes_and_nothing_otherwise() -> None:
    assert not {"extraction", "seconds"} & set(Settings().as_dict())
    changed = Settings(extraction="last-frame", seconds=1.5).as_dict()
    assert (changed["extraction"], changed["seconds"]) == ("last-frame", 1.5)
    for wrong in ({"extraction": "telepathy"}, {"seconds": 0.0}, {"seconds": float("nan")}, {"seconds": "3"}):
        with pytest.raises(UsageError, match=f"{next(iter(wrong))}: expected"):
            Settings(**wrong)


# -- on the real parts -----------------------------------------------------------------------------

RUNTIMES: dict[Extraction, type] = {
    "every-frame": Runtime,
    "last-frame": LastFrameRuntime,
    "inverse-dynamics": InverseDynamics,
}


@pytest.mark.parametrize("extraction", RUNTIMES)
def test_an_episode_with_each_extraction(extraction: Extraction, parts: TabletopParts) -> None:
    settings, folder = replace(SMALL, extraction=extraction), NoFolder()
    robot = SimulatedRobot(GROUP, seed=SEED)
    agent = AgentLoop(parts, robot, settings, events=Events(), folder=folder)  # type: ignore[arg-type]
    assert type(agent._runtime) is RUNTIMES[extraction]
    robot.disconnect()
    line = run(TabletopEpisode("ours", "group", GROUP, SEED, settings), parts)
    assert line["control_steps"] == 8 and line["decisions"] >= 1
    assert ("policy" in line["seconds_by_part"]) == (extraction != "inverse-dynamics")


def test_a_decision_with_time_left_searches_again(parts: TabletopParts) -> None:
    asked: list[int] = []

    class Counting:
        def propose(self, *arguments: Any, seed: int) -> Any:
            asked.append(seed)
            return parts.proposer.propose(*arguments, seed=seed)

    counted = replace(parts, proposer=Counting())
    episode = TabletopEpisode("ours", "group", GROUP, SEED, replace(SMALL, max_control_steps=1))
    first = run(episode, counted)
    once = len(asked)
    # As long as several searches take on this machine, however busy it is; tests/planner holds the deadline.
    seconds = max(4.0, 3 * first["seconds_by_part"]["search"] / first["decisions"])
    line = run(replace(episode, settings=replace(episode.settings, seconds=seconds)), counted)
    assert asked[once] == asked[0]
    assert len(asked) - once > once
    assert line["seconds_by_part"]["search"] / line["decisions"] < 1.5 * seconds


class Straight(SimulatorVideo):
    """The simulator as video model, begun from one board; `cut`: shows the last picture throughout."""

    def __init__(self, layout: Layout, *, cut: bool) -> None:
        super().__init__()
        robot = SimulatedRobot(AREA, seed=SEED, layout=layout)
        robot.connect()
        self.show(robot.get_observation()["rgb"], robot.env.save().world)
        robot.disconnect()
        self._cut = cut

    def imagine(self, frames: Frames, subgoals: Sequence[str], seeds: Sequence[int]) -> Frames:
        clips = super().imagine(frames, subgoals, seeds)
        return np.repeat(clips[:, -1:], clips.shape[1], axis=1) if self._cut else clips


@pytest.mark.parametrize("cut", [False, True])
def test_a_plan_counts_where_the_judge_finds_the_goal_reached_and_honestly(
    parts: TabletopParts, cut: bool
) -> None:
    blocks = {kind: (0.2 + 0.04 * i, -0.2 + 0.05 * (i % 2), 0.0) for i, kind in enumerate(BLOCK_8)}
    layout: Layout = ({**blocks, BLOCK_8[3]: (0.32, 0.18, 0.0)}, (0.3, 0.25))
    own = replace(parts, video=Straight(layout, cut=cut), proposer=DemonstratorProposer(parts.probe),
                  guards=(), close_guards=(), max_value_gain=None)  # fmt: skip
    line = ImaginedPlan(METHOD, "area", AREA, SEED, SMALL, layout=layout).measure(own)
    assert (line["score"], len(line["plan"]), line["control_steps"]) == (1.0, 1, 0)
    assert line["complete"] is not cut
    assert ("jumped" in line["reason"]) == cut and (line["reason"] == "accepted") != cut


def test_a_board_without_a_plan_does_not_count(parts: TabletopParts) -> None:
    class NoClipPasses:
        def check(self, starts: Frames, clips: Frames, subgoals: Sequence[str]) -> list[str | None]:
            return ["a test forbids it"] * len(clips)

    strict = replace(parts, guards=(NoClipPasses(),))
    line = ImaginedPlan(METHOD, "group", GROUP, SEED, SMALL).measure(strict)
    assert (line["complete"], line["reason"], line["plan"]) == (False, "no plan", [])
    assert json.loads(json.dumps(line)) == line


def test_films_show_what_became_of_the_first_decision(
    parts: TabletopParts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(films_module, "ACTED_STEPS", 20)
    asked = AskedAblation(
        suite=SUITE, ablation=extraction(), tasks=("group",), episodes=1, first_seed=SEED, settings=SMALL
    )
    lines = [{"score": 0.25, "reason": f"reason {i}"} for i in range(3)]
    told: list[str] = []
    ((episode, shown),) = films(asked, lines, parts, 5, lambda: told.append("film"))
    assert episode.seed == SEED and len(told) == len(shown)
    assert [(film.variant, film.outcome) for film in shown] == [
        ("inverse dynamics", "score 0.25, reason 0"),
        ("last frame", "score 0.25, reason 1"),
        ("every frame", "score 0.25, reason 2"),
    ]
    for film in shown:
        assert all("imagined above real" in caption for caption, _ in film.rows) and film.rows
        assert all(picture.startswith("data:image/jpeg") for _, picture in film.rows)


def test_an_ablation_from_the_command_line_leaves_what_it_promises(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The whole planning table on one board; called again, nothing is left to run."""
    asked = [
        "ablate",
        "planning",
        "--episodes",
        "1",
        "--first-seed",
        str(SEED),
        "--horizon",
        "1",
        "--workers",
    ]
    asked += ["1", "--films", "1", "--device", "cpu", "--json", "--out", str(tmp_path / "out")]
    assert main(asked) == 0
    result = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert result == json.loads((tmp_path / "out" / "summary.json").read_text())
    lines = [json.loads(text) for text in (tmp_path / "out" / "episodes.jsonl").read_text().splitlines()]
    assert [len(line["plan"]) for line in lines] == [
        1 if line["stopped"] != "no plan" else 0 for line in lines
    ]
    assert list(result["tasks"]["line"]) == ["1/1/1", "1/1/4", "1/4/4", "2/4/4"]
    page = Page((tmp_path / "out" / "ablation.html").read_text(encoding="utf-8"))
    planned = sum(len(line["plan"]) for line in lines)
    assert planned >= 1 and len(page.sources) == 1 + planned
    assert all(line["reason"] in page.text for line in lines)
    assert all(source.startswith("data:image/") for source in page.sources) and "script" not in page.tags

    assert main([*asked[: asked.index("--films")], "--films", "0", *asked[asked.index("--device") :]]) == 0
    captured = capsys.readouterr()
    assert "4 episodes are there already, 0 are left" in captured.err
    again = json.loads(captured.out.splitlines()[-1])
    assert again["tasks"] == result["tasks"]


# -- tables, plots, pages --------------------------------------------------------------------------


@pytest.mark.parametrize("what", NAMES)
def test_every_table_stands_beside_the_papers(
    what: str, engine: Scripted, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ["ablate", what, "--episodes", "3", "--first-seed", str(SEED), "--device", "cpu", "--films", "0"]
    assert main([*asked, "--out", str(tmp_path)]) == 0
    out = capsys.readouterr().out
    result = json.loads((tmp_path / "summary.json").read_text())
    page = Page((tmp_path / "ablation.html").read_text(encoding="utf-8"))
    assert str(tmp_path / "ablation.html") in out and result["title"] in page.text
    for task, variants in result["tasks"].items():
        *others, reference = variants.values()
        assert "reference_minus" not in reference
        assert all(row["reference_minus"]["score"]["mean"] >= 0 for row in others)
        assert all(name in out and task in out for name in variants)
    assert len(engine.ran) == 3 * sum(map(len, result["tasks"].values()))
    assert ("do not compare digit by digit" in page.text) == (what != "budget")
    assert ("judge's own error" in page.text and "judge's own error" in out) == (what == "planning")
    with Image.open(tmp_path / "plot.png") as picture:
        assert picture.format == "PNG" and len(picture.convert("RGB").getcolors(100_000) or []) > 20


def test_figures_and_differences(engine: Scripted, tmp_path: Path) -> None:
    asked = ["ablate", "execution", "--episodes", "4", "--device", "cpu", "--films", "0"]
    assert main([*asked, "--out", str(tmp_path)]) == 0
    rows = json.loads((tmp_path / "summary.json").read_text())["tasks"]["line"]
    assert [row["mean_score"] for row in rows.values()] == [0.125, 0.5, 0.5, 1.0]
    assert rows["2/2/16"]["complete"] == {"share": 1.0, "of": 4, "interval_95": [0.5101, 1.0]}
    assert rows["1/1/16"]["reference_minus"]["score"] == {"mean": 0.5, "interval_95": [0.5, 0.5]}
    assert rows["1/2/16"]["paper"] == {"score": 0.581, "complete": 0.08}


def test_the_papers_figures_stand_on_its_own_task_only(
    engine: Scripted, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ["ablate", "extraction", "--tasks", "area", "--episodes", "1", "--device", "cpu", "--films", "0"]
    assert main([*asked, "--out", str(tmp_path)]) == 0
    assert "0.92" not in capsys.readouterr().out
    rows = json.loads((tmp_path / "summary.json").read_text())["tasks"]["area"]
    assert [row["paper"] for row in rows.values()] == [{}, {}, {}]


def test_an_interrupted_ablation_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ["ablate", "budget", "--seconds", "1", "2", "--tasks", "group", "--episodes", "3"]
    asked += ["--device", "cpu", "--films", "0", "--out", str(tmp_path)]
    monkeypatch.setitem(ENGINES, "process", Scripted(stop_after=3))
    assert main(asked) == 130
    said = capsys.readouterr().err
    assert "the same command goes on" in said and "1 s group seed" in said and "2 s group seed" in said
    assert not (tmp_path / "summary.json").exists()
    following = Scripted()
    monkeypatch.setitem(ENGINES, "process", following)
    assert main(asked) == 0
    assert [(e.settings.seconds, e.seed - 1_000_000) for e in following.ran] == [(2, 1), (1, 2), (2, 2)]
    rows = json.loads((tmp_path / "summary.json").read_text())["tasks"]["group"]
    assert [row["seconds_a_decision"] for row in rows.values()] == [1.0, 2.0]


ERROR = {
    name: {"share": 0.97, "of": 100, "interval_95": [0.91, 0.99]}
    for name in ("agreement", "agreement_plans", "false_accepts", "false_rejects")
} | {"spoilt_accepted": {"moved_alone": {"share": 0.05, "of": 40, "interval_95": [0.01, 0.16]}}}


def test_the_judges_own_error_stands_beside_its_figures(
    engine: Scripted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "judge.json"
    assert judge_error(path) is None and "vlp.evaluate.tabletop.judge measures it" in in_words(None)
    for broken in ("{", "[]", json.dumps(ERROR | {"agreement": 3}), json.dumps({"agreement": {}})):
        path.write_text(broken)
        assert judge_error(path) is None
    path.write_text(json.dumps({"bar": 0.97, **ERROR}))
    monkeypatch.setattr(judge_error_module, "RESULT", path)
    asked = ["ablate", "planning", "--episodes", "1", "--device", "cpu", "--films", "0"]
    assert main([*asked, "--out", str(tmp_path / "out")]) == 0
    assert json.loads((tmp_path / "out" / "summary.json").read_text())["judge"] == ERROR
    page = Page((tmp_path / "out" / "ablation.html").read_text(encoding="utf-8"))
    assert "agrees with the truth 97% [91, 99] of 100" in page.text
    assert "moved alone 5% [1, 16] of 40" in page.text


# -- bad input -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "missing from vlp ablate"),
        (["cooking"], "cooking"),
        (["planning", "--episodes", "0"], "episodes: expected 1"),
        (["planning", "--workers", "0"], "workers: expected 1"),
        (["planning", "--first-seed", "-1"], "first seed: expected 0"),
        (["planning", "--first-seed", str(2**31)], "first seed: expected 0"),
        (["planning", "--horizon", "0"], "horizon: expected a whole number from 1"),
        (["planning", "--horizon", "17"], "horizon: expected a whole number from 1"),
        (["planning", "--films", "-1"], "films: expected 0"),
        (["planning", "--tasks", "cook"], "cook"),
        (["planning", "--seconds", "3"], "seconds: expected with budget only"),
        (["budget", "--horizon", "3"], "horizon: expected with planning only"),
        (["budget", "--seconds", "0"], "seconds: expected a number from 0.05"),
        (["budget", "--seconds", "1", "nan"], "seconds: expected a number from 0.05"),
        (["budget", "--seconds", "soon"], "soon"),
        (["execution", "--max-control-steps", "0"], "max control steps: expected"),
        (["extraction", "--engine", "steam"], "steam"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_wrong_options(
    arguments: list[str],
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["ablate", *arguments]) == 2
    assert said in one_line(capsys.readouterr().err).lower()
    assert not list(tmp_path.iterdir())


def test_matplotlib_that_is_not_installed_is_said_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("vlp.ablate.plots_available.find_spec", lambda name: None)
    assert main(["ablate", "planning", "--out", str(tmp_path / "out")]) == 2
    assert "video-language-planner[viz]" in one_line(capsys.readouterr().err)
    assert not list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "taken").write_text("a file")
    assert main(["ablate", "planning", "--out", str(tmp_path / "taken")]) == 5
    assert "expected a folder" in one_line(capsys.readouterr().err)
    assert (tmp_path / "taken").read_text() == "a file"
