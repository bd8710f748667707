"""The bench: lines that survive interruptions, paired differences, the command; on boards of the tabletop."""

from __future__ import annotations

import json
import multiprocessing
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
from rich.console import Console
from rich.table import Table

from tests.forked import Forks
from tests.vlp.bench.recording import Recording, measured
from vlp.bench import names
from vlp.bench.code import ROOT, code_digest, digest_of
from vlp.bench.engines import ENGINES, processes
from vlp.bench.episode import Episode
from vlp.bench.execution import run_all
from vlp.bench.line import Line, identity
from vlp.bench.log import EpisodeLog
from vlp.bench.protocol import Execution
from vlp.bench.summary import difference, figures, steps_to_complete, summary
from vlp.bench.table import _COLUMNS, codes, table
from vlp.bench.tabletop.episode import TabletopEpisode
from vlp.bench.tabletop.methods import METHODS
from vlp.bench.tabletop.suite import SUITE
from vlp.cli.main import main
from vlp.errors import FolderError, VlpError
from vlp.evaluate import logged
from vlp.models.weights import BUNDLED, digest, verify
from vlp.settings import TREE, Settings

SEED = 1_000_050
SHORT = Settings(seed=SEED, max_control_steps=3, device="cpu")
GROUP = "group the blocks by color"


# -- what is run -----------------------------------------------------------------------------------


def test_the_command_line_lists_all_methods_engines_and_no_bound_by_default() -> None:
    assert set(get_args(names.MethodName)) == set(METHODS)
    assert set(get_args(names.EngineName)) == set(ENGINES)
    assert not [name for name in names.DEFAULT_METHODS if name.startswith("bound")]


# -- lines on disk ---------------------------------------------------------------------------------


def episode(seed: int = SEED, method: str = "ours", **settings: int) -> Episode:
    own = replace(SHORT, seed=seed, **settings)  # type: ignore[arg-type]
    return TabletopEpisode(method, "group", GROUP, seed, own)


def test_an_interrupted_bench_goes_on(weights: Path, tmp_path: Path) -> None:
    path, plan = tmp_path / "out" / "episodes.jsonl", [episode(SEED + i) for i in range(5)]
    with EpisodeLog(path) as log, pytest.raises(KeyboardInterrupt):
        run_all(plan, log, weights=weights, engine=Recording(stop_after=3))
    torn = path.read_bytes()[:-40]  # the third line, as a power cut may leave it
    path.write_bytes(torn)
    following = Recording()
    with EpisodeLog(path) as log:
        lines = run_all(plan, log, weights=weights, engine=following)
    assert [one.seed for one in following.ran] == [SEED + 2, SEED + 3, SEED + 4]
    assert [line["seed"] for line in lines] == [SEED + i for i in range(5)]
    assert [json.loads(text)["seed"] for text in path.read_text().splitlines()] == [
        SEED + i for i in range(5)
    ]
    with EpisodeLog(path) as log:
        assert run_all(plan, log, weights=weights, engine=Recording(stop_after=0)) == lines


def test_only_what_agrees_in_everything_is_used_again(weights: Path, tmp_path: Path) -> None:
    one = episode()
    others = [
        episode(method="best-of-n"),
        episode(SEED + 1),
        episode(beams=2),
        episode(max_control_steps=4),
        replace(one, task="area"),
        replace(one, instruction="group the blocks by shape"),
        replace(one, stop="simulator"),
    ]
    with EpisodeLog(tmp_path / "episodes.jsonl") as log:
        run_all([one], log, weights=weights, engine=Recording())
        engine = Recording()
        run_all([one, *others, one], log, weights=weights, engine=engine)
        assert engine.ran == others
        hashes, other = verify(weights), {"model.safetensors": "0" * 64}
        assert identity(one.head(digest(hashes))) in log.lines
        assert identity(one.head(digest({**hashes, "policy": other}))) not in log.lines


def test_what_other_code_ran_is_run_again(
    weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine, path = Recording(), tmp_path / "episodes.jsonl"
    for code in ("a" * 16, "b" * 16, "a" * 16):
        monkeypatch.setattr("vlp.bench.episode.code_digest", lambda code=code: code)
        with EpisodeLog(path) as log:
            (line,) = run_all([episode()], log, weights=weights, engine=engine)
        assert line["code"] == code
    assert len(engine.ran) == 2 and len(path.read_text().splitlines()) == 2, "both stay in the log"


def test_the_code_s_digest_is_of_names_and_texts(tmp_path: Path) -> None:
    source = tmp_path / "vlp" / "a.py"
    source.parent.mkdir()
    found = []
    for text in ("x = 1\n", "x = 2\n"):
        source.write_text(text)
        found.append(digest_of(tmp_path))
    (tmp_path / "vlp" / "notes.txt").write_text("not code")
    found.append(digest_of(tmp_path))
    source.rename(source.with_name("b.py"))
    found.append(digest_of(tmp_path))
    assert found[1] == found[2] and len(set(found)) == 3
    assert code_digest() == digest_of(ROOT) and len(code_digest()) == 16


def test_a_table_of_several_codes_says_so() -> None:
    lines = [*lines_of("ours", [1.0, 1.0]), *lines_of("no-search", [1.0, 0.5])]
    assert len(codes(summary(lines))) == 1
    old = [{**line, "code": "commit 9b3b49a"} if line["method"] == "ours" else line for line in lines]
    untold = [{k: v for k, v in line.items() if k != "code"} for line in lines[:2]]
    console = Console(width=200, record=True)
    console.print(table(summary(old)))
    assert "not all of the same code: commit 9b3b49a (ours); " in console.export_text()
    assert len(codes(summary([*untold, *lines[2:]]))) == 2


def test_every_committed_row_says_who_ended_it_and_which_code_ran_it() -> None:
    for path in (ROOT / "results").rglob("episodes.jsonl"):
        rows = [json.loads(text) for text in path.read_text().splitlines()]
        assert all(row["stop"] in ("own", "simulator") and row["code"] for row in rows), path
        assert len({identity(row) for row in rows}) == len(rows), f"{path}: a row stands there twice"


def test_a_log_is_one_benchs_and_of_episodes_only(tmp_path: Path) -> None:
    path = tmp_path / "episodes.jsonl"
    with EpisodeLog(path), pytest.raises(FolderError, match="another bench runs"):
        EpisodeLog(path)
    for text in ("dear diary\nit rained\n", '{"method": "ours"}\n', "[1]\n3"):
        path.write_text(text)
        with pytest.raises(FolderError, match="line 1: expected the result of an episode"):
            EpisodeLog(path)
        assert path.read_text() == text


# -- what the lines say ----------------------------------------------------------------------------


def lines_of(method: str, scores: Sequence[float], first_seed: int = SEED) -> list[Line]:
    return [
        {**episode(first_seed + i, method).head("w"), **measured(score, score == 1.0)}
        for i, score in enumerate(scores)
    ]


def test_figures() -> None:
    found = figures(lines_of("ours", [1.0, 0.5, 0.75, 0.75]))
    assert found["mean_score"] == 0.75
    low, high = found["interval_95"]
    assert 0.5 <= low < 0.75 < high <= 1.0
    # Wilson's interval of 1 in 4, as in tables.
    assert found["complete"] == {"share": 0.25, "of": 4, "interval_95": (0.0456, 0.6994)}
    assert (found["seconds"], found["control_steps"], found["seconds_a_decision"]) == (4.0, 10.0, 1.5)


def test_differences_are_paired_by_seed() -> None:
    # In seed order the scores move together: unpaired the difference would drown in the boards' own spread.
    base = [0.0, 0.25, 0.5, 0.75] * 5
    ours, other = lines_of("ours", [s + 0.125 for s in base]), lines_of("no-search", base)
    found = difference(ours, list(reversed(other)))
    assert found["pairs"] == 20
    assert found["score"] == {"mean": 0.125, "interval_95": (0.125, 0.125)}
    shifted = difference(ours, lines_of("no-search", base, first_seed=SEED + 16))
    assert shifted["pairs"] == 4
    assert shifted["score"]["mean"] == pytest.approx(0.125)
    back = difference(other, ours)
    assert back["score"]["mean"] == -0.125
    with pytest.raises(ValueError, match="got none"):
        difference(ours, lines_of("no-search", base, first_seed=SEED + 100))


def test_steps_to_complete_count_what_never_was_as_all_there_are() -> None:
    ours, other = lines_of("ours", [1.0, 1.0]), lines_of("no-search", [1.0, 0.5])
    most = ours[0]["settings"]["max_control_steps"]
    assert [steps_to_complete(line) for line in other] == [10, most]
    assert figures(other)["steps_to_complete"] == (10 + most) / 2
    assert difference(ours, other)["steps_to_complete"]["mean"] == (10 - most) / 2


def test_each_cell_of_the_table_stands_under_a_heading() -> None:
    found = summary([*lines_of("ours", [1.0, 1.0]), *lines_of("no-search", [1.0, 0.5])])
    shown = table(found).renderables[0]
    assert isinstance(shown, Table) and [str(column.header) for column in shown.columns] == list(_COLUMNS)
    assert [len(list(column.cells)) for column in shown.columns] == [2] * len(_COLUMNS)


def test_the_summary_says_which_part_holds_a_task_back() -> None:
    rng = np.random.default_rng(0)
    base = rng.uniform(0, 0.5, 20)
    lines = [
        *lines_of("ours", base.tolist()),
        *lines_of("bound-simulator-video", (base + rng.uniform(0.1, 0.5, 20)).tolist()),
        *lines_of("bound-true-value", (base + rng.uniform(-0.2, 0.2, 20)).tolist()),
        *lines_of("no-search", (base / 2).tolist()),
    ]
    found = summary(lines)["group"]
    assert found["holds_back"] == "bound-simulator-video"
    assert set(found["methods"]) == {line["method"] for line in lines}
    assert found["ours_minus"]["no-search"]["score"]["interval_95"][0] > 0
    few = [line for line in lines if line["seed"] < SEED + 3]
    assert summary(few)["group"]["holds_back"] is None  # three seeds are no ground for it


# -- the command -----------------------------------------------------------------------------------

TINY = ("bench", "execution", "--tasks", "group", "--max-control-steps", "3", "--device", "cpu")


def one_line(stderr: str) -> str:
    (line,) = stderr.splitlines()
    assert line.startswith("vlp: error: ")
    return line


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--episodes", "0"], "episodes: expected 1"),
        (["--episodes", "-3"], "episodes: expected 1"),
        (["--tasks", "cook"], "cook"),
        (["--tasks"], "--tasks: expected {area,group,line} after it"),
        (["--stop", "bell"], "bell"),
        (["--method", "magic"], "magic"),
        (["--engine", "steam"], "steam"),
        (["--workers", "0"], "workers: expected 1"),
        (["--first-seed", "-1"], "first seed: expected 0"),
        (["--first-seed", str(2**31)], "first seed: expected 0"),
        (["--max-control-steps", "0"], "max control steps: expected"),
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
    assert main(["bench", "execution", *arguments]) == 2
    assert said in one_line(capsys.readouterr().err)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("out", ["taken", "taken/out", "/proc/out", "/dev/null/out", "x" * 300, "nul\0/out"])
def test_a_folder_that_cannot_be_written(
    out: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "taken").write_text("a file")
    monkeypatch.chdir(tmp_path)
    assert main([*TINY, "--episodes", "1", "--out", out]) == 5
    assert "expected a folder" in one_line(capsys.readouterr().err)
    assert [path.name for path in tmp_path.iterdir()] == ["taken"]


def test_ray_that_is_not_installed_is_said_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("vlp.bench.ray_available.find_spec", lambda name: None)
    assert main([*TINY, "--engine", "ray", "--out", str(tmp_path / "out")]) == 2
    assert "video-language-planner[scale]" in one_line(capsys.readouterr().err)
    assert not list(tmp_path.iterdir())


def test_help_loads_nothing_heavy(environment: dict[str, str], tmp_path: Path) -> None:
    code = """
import sys
from vlp.cli.main import main
try:
    main(["bench", "--help"])
except SystemExit as end:
    assert not end.code, end.code
heavy = ("torch", "numpy", "transformers", "diffusers", "pybullet", "rich.progress", "ray", "matplotlib")
print([name for name in heavy if name in sys.modules])
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stdout.splitlines()[-1] == "[]", done.stderr


def test_a_bench_from_the_command_line_is_stopped_and_goes_on(
    forks: Forks, environment: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Two worker processes for real; stopped by Ctrl-C once a first episode is there, then run to the end."""
    log, summed = tmp_path / "out" / "episodes.jsonl", tmp_path / "out" / "summary.json"
    asked = [*TINY, "--episodes", "3", "--first-seed", str(SEED), "--method", "no-search", "--json"]
    asked += ["--out", str(tmp_path / "out")]
    process = forks.begin(*asked, "--workers", "2", folder=tmp_path, environment=environment)
    try:
        end = time.monotonic() + 150
        while not (log.exists() and log.stat().st_size) and process.poll() is None:
            assert time.monotonic() < end, "expected a first episode"
            time.sleep(0.005)
        process.send_signal(signal.SIGINT)
        stdout, stderr = process.communicate(timeout=60)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 130 and not stdout, stderr
    assert "Traceback" not in stderr
    assert "the same command goes on" in stderr.splitlines()[-1] and not summed.exists()
    before = log.read_text()
    assert main([*asked, "--workers", "1"]) == 0
    assert log.read_text().startswith(before) and len(log.read_text().splitlines()) == 3
    result = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert result == json.loads(summed.read_text())
    assert result["tasks"]["group"]["methods"]["no-search"]["complete"]["of"] == 3


def test_the_table_of_a_bench_that_has_nothing_left_to_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = replace(TREE, max_control_steps=3, device="cpu")
    asked = Execution(
        suite=SUITE, tasks=("group",), methods=("ours",), episodes=1, first_seed=SEED, settings=settings
    )
    with EpisodeLog(tmp_path / "episodes.jsonl") as log:
        run_all(asked.plan(), log, weights=BUNDLED, engine=Recording())
    arguments = ["--episodes", "1", "--first-seed", str(SEED), "--method", "ours", "--out", str(tmp_path)]
    assert main([*TINY, *arguments]) == 0
    out = capsys.readouterr().out
    assert "0.50 [0.50, 0.50]" in out and str(tmp_path / "summary.json") in out


@pytest.mark.timeout(60)
def test_a_worker_that_dies_is_said_and_nothing_hangs() -> None:
    def kill_one() -> None:
        while len(children := multiprocessing.active_children()) < 2:
            time.sleep(0.01)
        time.sleep(0.3)
        min(children, key=lambda child: child.pid or 0).kill()  # the one whose end is noticed at once

    killer = threading.Thread(target=kill_one)
    killer.start()
    with pytest.raises(VlpError, match="expected every worker to live"):
        list(processes([episode(), episode(SEED + 1)], BUNDLED, 2))
    killer.join()
    assert not multiprocessing.active_children()


def test_a_small_job_over_ray(tmp_path: Path) -> None:
    pytest.importorskip("ray", reason="needs the extra [scale]")
    plan = [episode(SEED + i, "no-search", beams=1, language_branches=1, video_branches=1, horizon=1)
            for i in range(2)]  # fmt: skip
    handler = signal.getsignal(signal.SIGTERM)
    with EpisodeLog(tmp_path / "episodes.jsonl") as log:
        lines = run_all(plan, log, weights=BUNDLED, workers=1, engine=ENGINES["ray"])
    assert [line["seed"] for line in lines] == [SEED, SEED + 1]
    assert all(line["control_steps"] == 3 and line["decisions"] >= 1 for line in lines)
    assert signal.getsignal(signal.SIGTERM) is handler


def test_a_log_is_summed_up_without_mixing_codes() -> None:
    rows = [{**line, "stop": "own"} for line in lines_of("ours", [1.0, 0.5, 1.0])]
    old = [{**line, "code": "commit 9b3b49a"} for line in lines_of("ours", [0.0, 0.0])]
    asked = logged.LoggedOptions(tasks=("group",))
    with pytest.raises(ValueError, match="choose a --code"):
        logged.of([*rows, *old], asked)
    found = logged.of([*rows, *old], replace(asked, code="commit 9b3b49a"))
    assert found["tasks"]["group"]["methods"]["ours"]["mean_score"] == 0 and found["episodes"] == 2
    other = lines_of("rule-only", [1.0, 1.0])
    both = logged.of([*rows, *other], replace(asked, method=("ours", "rule-only")))
    assert both["episodes"] == 2, "boards that both have"
    with pytest.raises(ValueError, match="choose a --code"):
        logged.of(rows, replace(asked, tasks=("line",)))
