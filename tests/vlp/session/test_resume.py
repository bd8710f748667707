"""`vlp run` broken off and `vlp resume`, and plans that wait for an operator, through the command line."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import ROOT, Vlp
from tests.forked import Forks
from vlp.durable.store import Store
from vlp.models.weights import BUNDLED, write_manifest

GOAL = "group the blocks by color"
SMALL = (
    "--seed", "1000002", "--beams", "1", "--language-branches", "2", "--video-branches", "2",
    "--max-control-steps", "20", "--device", "cpu",
)  # fmt: skip


def said(path: Path) -> list[dict[str, object]]:
    """Events of a run, without their times."""
    lines = [json.loads(line) for line in (path / "events.jsonl").read_text().splitlines()]
    return [
        {name: value for name, value in line.items() if name not in ("time", "seconds")} for line in lines
    ]


def kill_when(
    forks: Forks, path: Path, environment: dict[str, str], due: Callable[[], bool], *options: str
) -> None:
    """Begin a run in a process of its own and kill it once `due`."""
    process = forks.begin(
        "run", GOAL, *SMALL, *options, "--out", str(path), folder=path.parent, environment=environment
    )
    end = time.monotonic() + 120
    while not due():
        assert process.poll() is None and time.monotonic() < end, "expected a run that could be killed"
        time.sleep(0.01)
    process.kill()
    process.wait()


@pytest.fixture(scope="module")
def killed(forks: Forks, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that was killed while it acted."""
    path = tmp_path_factory.mktemp("killed") / "run"
    events = path / "events.jsonl"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    kill_when(forks, path, environment, lambda: events.exists() and events.read_text().count('"acted"') >= 5)
    return path


def copied(path: Path, to: Path) -> Path:
    return Path(shutil.copytree(path, to))


def test_a_killed_run_goes_on_to_the_same_end(vlp: Vlp, killed: Path, tmp_path: Path) -> None:
    alone = vlp("run", GOAL, *SMALL, "--out", "alone", "--json")
    path = copied(killed, tmp_path / "run")
    assert not (path / "result.json").exists()
    done = vlp("resume", "run", "--json")
    assert done.returncode == 0, done.stderr
    first, second = json.loads(alone.stdout), json.loads(done.stdout)
    for name in ("score", "control_steps", "decisions", "plan", "reason", "models"):
        assert first[name] == second[name]
    assert said(path) == said(tmp_path / "alone")
    assert (path / "execution.mp4").stat().st_size > 1000 and (path / "report.html").exists()
    over = vlp("resume", "run")
    assert over.returncode == 7 and "got one that ended: out of control steps" in over.stderr


def test_what_can_not_be_gone_on_with_is_refused_and_kept(
    vlp_here: Vlp, killed: Path, tmp_path: Path
) -> None:
    path = copied(killed, tmp_path / "run")
    whole = (path / "state.sqlite").read_bytes()
    flipped = bytearray(whole)
    flipped[whole.index(b'"options"') + 3] ^= 1
    for damaged in (b"not a database" * 1000, whole[: len(whole) // 2], bytes(flipped)):
        (path / "state.sqlite").write_bytes(damaged)
        refused = vlp_here("resume", "run")
        assert refused.returncode == 7 and refused.stderr.count("\n") == 1, refused.stderr
        assert "start the run again" in refused.stderr
        assert (path / "state.sqlite").read_bytes() == damaged, "what there is is left as it is"
    (path / "state.sqlite").unlink()
    refused = vlp_here("resume", "run")
    assert refused.returncode == 5 and "without state.sqlite" in refused.stderr


def test_damaged_checkpoints_are_refused_and_the_run_is_kept(
    vlp_here: Vlp, killed: Path, tmp_path: Path
) -> None:
    path = copied(killed, tmp_path / "run")
    for beside in path.glob("checkpoints.sqlite-*"):
        beside.unlink()
    kept = path / "checkpoints.sqlite"
    before = sorted(item.name for item in path.iterdir())
    for damaged in (b"not a database" * 1000, b"SQLite format 3\0" + bytes(range(256)) * 16):
        kept.write_bytes(damaged)
        refused = vlp_here("resume", "run")
        assert refused.returncode == 7 and refused.stderr.count("vlp: error") == 1, refused.stderr
        assert "then vlp resume the run" in refused.stderr and "Traceback" not in refused.stderr
    assert set(item.name for item in path.iterdir()) - {"robot"} <= {*before}, (
        "nothing is said to have failed"
    )


def test_other_weights_are_refused(
    vlp: Vlp, forks: Forks, environment: dict[str, str], tmp_path: Path
) -> None:
    weights, path = Path(shutil.copytree(BUNDLED, tmp_path / "weights")), tmp_path / "run"
    planned = path / "decisions/01/tree.json"
    kill_when(forks, path, environment, planned.exists, "--weights", str(weights))
    card = weights / "policy" / "config.json"
    card.write_text(card.read_text() + "\n")
    write_manifest(weights)
    refused = vlp("resume", "run")
    assert refused.returncode == 7 and "got others (policy)" in refused.stderr
    card.write_text(card.read_text()[:-1])
    write_manifest(weights)
    assert vlp("resume", "run").returncode == 0, "with its own weights it goes on"


def test_changed_options_are_refused(vlp_here: Vlp, killed: Path, tmp_path: Path) -> None:
    path = copied(killed, tmp_path / "run")
    import sqlite3

    with sqlite3.connect(path / "state.sqlite") as connection:
        (row,) = connection.execute("SELECT value FROM kept WHERE key = 'run'").fetchone()
        changed = row.replace(b'"beams": 1', b'"beams": 2')
        assert changed != row
        connection.execute("UPDATE kept SET value = ? WHERE key = 'run'", (changed,))
    refused = vlp_here("resume", "run")
    assert refused.returncode == 7 and "is not what was written" in refused.stderr


def test_a_plan_waits_for_its_operator_and_is_changed(
    environment: dict[str, str], forks: Forks, tmp_path: Path
) -> None:
    def answering(command: list[str], answers: str) -> subprocess.CompletedProcess[str]:
        return forks.run(*command, folder=tmp_path, environment=environment, answers=answers)

    waiting = answering(["run", GOAL, *SMALL, "--approve", "ask", "--out", "run"], "reject 99 x\n")
    assert waiting.returncode == 8 and "vlp resume" in waiting.stderr
    assert "expected 0 to" in waiting.stderr, "a branch that is not there is asked for again"
    result = json.loads((tmp_path / "run/result.json").read_text())
    assert result["status"] == "waiting" and result["control_steps"] == 0
    before = json.loads((tmp_path / "run/decisions/01/tree.json").read_text())
    chosen = before["plan"][0]
    tree = tmp_path / "run/decisions/01/tree.json"
    whole = tree.read_text()
    tree.write_text(whole[:100])
    refused = answering(["resume", "run"], "yes\n")
    assert refused.returncode == 7 and refused.stderr.strip().splitlines()[-1].count("state: expected") == 1
    assert "Traceback" not in refused.stderr
    assert json.loads((tmp_path / "run/result.json").read_text()) == result, "it waits as it did"
    tree.write_text(whole)
    done = answering(["resume", "run", "--json"], f"reject {chosen} too near\nyes\nstop enough\n")
    assert done.returncode == 0, done.stderr
    after = json.loads((tmp_path / "run/decisions/02/tree.json").read_text())
    rejected = [node for node in after["nodes"] if node["rejected"] == "rejected by the operator: too near"]
    assert len(rejected) == 1 and after["plan"][0] != rejected[0]["id"]
    shared = {(n["subgoal"], n["seed"]) for n in before["nodes"] if n["depth"] == 1}
    assert shared == {(n["subgoal"], n["seed"]) for n in after["nodes"] if n["depth"] == 1}
    answers = [event for event in said(tmp_path / "run") if event["kind"] == "answered"]
    assert [event["say"] for event in answers][:2] == ["amend", "approve"]
    with Store(tmp_path / "run/state.sqlite", fresh=False) as store:
        assert store.keys("step/sent/")


def test_lost_checkpoints_lose_no_step(vlp: Vlp, killed: Path, tmp_path: Path) -> None:
    """The journal alone says what was sent: without checkpoints the run is gone over from its beginning."""
    path = copied(killed, tmp_path / "run")
    for file in path.glob("checkpoints.sqlite*"):
        file.unlink()
    with Store(path / "state.sqlite", fresh=False) as store:
        sent = {key: store.get(key) for key in store.keys("step/sent/")}
    assert len(sent) >= 5 and vlp("resume", "run").returncode == 0
    with Store(path / "state.sqlite", fresh=False) as store:
        assert {key: store.get(key) for key in sent} == sent and len(store.keys("step/sent/")) == 20
