"""The command line: quick help, lazy imports, results on stdout and everything else on stderr."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import vlp
from tasks.data.video_file import read_video
from tasks.tabletop.demos.lerobot_read import read_episodes
from tests.conftest import Vlp
from vlp.errors import UsageError
from vlp.events.types import read_events
from vlp.process import ALLOCATOR
from vlp.session.request import Options
from vlp.settings import PRESETS, Settings

HEAVY = ("torch", "numpy", "transformers", "diffusers", "pybullet", "langgraph", "openai")
SMALL = ("--beams", "1", "--language-branches", "1", "--video-branches", "1", "--horizon", "1")
PUSH = "push the red moon to the blue cube"


def python(code: str, environment: dict[str, str], folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code], env=environment, cwd=folder, capture_output=True, text=True, timeout=120
    )


def test_public_names() -> None:
    assert vlp.__all__ == ["Agent", "Answer", "Approval", "SavedPlan", "Settings", "__version__"]
    assert vlp.__version__ == "0.1.0"


@pytest.mark.parametrize("command", ["", "demo", "run", "plan", "collect", "train", "bench"])
def test_help_says_what_there_is_and_loads_nothing_heavy(
    command: str, environment: dict[str, str], tmp_path: Path
) -> None:
    code = f"""
import sys
from vlp.cli.main import main
try:
    main({[*filter(None, [command]), "--help"]!r})
except SystemExit as end:
    assert not end.code, end.code
print([name for name in {HEAVY!r} if name in sys.modules])
"""
    done = python(code, environment, tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "[]"
    assert f"usage: vlp {command}".strip() in done.stdout


def test_a_wrong_instruction_is_told_before_torch_is_loaded(
    environment: dict[str, str], tmp_path: Path
) -> None:
    code = "import sys; from vlp.cli.main import main; print(main(['run', 'dance']), 'torch' in sys.modules)"
    done = python(code, environment, tmp_path)
    assert done.stdout.split() == ["2", "False"], done.stderr


def test_a_shadowing_package_is_named(environment: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "video").mkdir()
    (tmp_path / "video" / "__init__.py").touch()
    environment["PYTHONPATH"] = os.pathsep.join([str(tmp_path), environment["PYTHONPATH"]])
    done = python("import vlp", environment, tmp_path)
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert last.startswith("ImportError: vlp: expected") and str(tmp_path / "video" / "__init__.py") in last


def test_allocator_is_set_up_once_and_what_the_user_set_stays(
    environment: dict[str, str], tmp_path: Path
) -> None:
    code = """
import json, os
from vlp.process import ALLOCATOR, tune_allocator
tune_allocator()
print(json.dumps({name: os.environ.get(name) for name in ALLOCATOR}))
"""
    bare = {name: value for name, value in environment.items() if name not in ALLOCATOR}
    done = python(code, bare, tmp_path)
    assert json.loads(done.stdout) == ALLOCATOR, done.stderr
    done = python(code, {**bare, "MALLOC_TOP_PAD_": "4096"}, tmp_path)
    assert json.loads(done.stdout) == {**ALLOCATOR, "MALLOC_TOP_PAD_": "4096"}, done.stderr


def test_presets_and_numbers_given() -> None:
    assert Options(preset="base", beams=3).settings() == Settings(
        beams=3, language_branches=16, video_branches=4
    )
    assert Options(seed=5).settings() == Settings(seed=5)
    assert PRESETS["nano"] == Settings()
    with pytest.raises(UsageError, match="device: expected"):
        Settings(device="tpu")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "words", [["--version"], ["run", b"push the \xff \xf0\x9f\x94\xb4"], ["plan", "--bems", "2"]]
)
def test_a_process_of_the_tests_is_as_one_from_scratch(vlp: Any, fresh_vlp: Any, words: list[Any]) -> None:
    forked, fresh = vlp(*words), fresh_vlp(*words)
    assert (forked.returncode, forked.stdout, forked.stderr) == (fresh.returncode, fresh.stdout, fresh.stderr)
    assert fresh.stdout or fresh.stderr


def test_run_leaves_a_folder_and_prints_its_result(fresh_vlp: Any, tmp_path: Path) -> None:
    out = tmp_path / "out"
    done = fresh_vlp(
        "run", PUSH, *SMALL, "--max-control-steps", "25", "--json", "--device", "cpu", "--out", str(out)
    )
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == 1
    printed = json.loads(done.stdout)
    kept = json.loads((out / "result.json").read_text())
    assert printed["folder"] == str(out) and kept["status"] == "finished"
    assert printed["instruction"] == PUSH and printed["control_steps"] <= 25
    wanted = {
        "task",
        "seed",
        "score",
        "complete",
        "decisions",
        "plan",
        "seconds_by_part",
        "versions",
        "models",
    }
    assert wanted <= set(kept)
    assert set(kept["versions"]) >= {"python", "torch", "pybullet"}
    kinds = [event.kind for event in read_events(out / "events.jsonl")]
    assert kinds[0] == "run_started" and kinds[-1] == "stopped"
    assert len(read_video(out / "execution.mp4")) == kept["control_steps"] == kinds.count("acted")
    assert (out / "report.html").stat().st_size > 1000


def test_plan_is_the_same_for_a_seed_and_nothing_moves(vlp: Any, tmp_path: Path) -> None:
    plans = []
    for name in ("first", "second"):
        done = vlp("plan", "group the blocks by color", *SMALL, "--seed", "8", "--json", "--out", name)
        assert done.returncode == 0, done.stderr
        plans.append(json.loads(done.stdout.splitlines()[-1]))
        assert "acted" not in [event.kind for event in read_events(tmp_path / name / "events.jsonl")]
    assert plans[0]["plan"] and plans[0]["control_steps"] == 0
    assert [plan["plan"] for plan in plans] == [plans[0]["plan"]] * 2
    assert plans[0]["steps_to_go"] == plans[1]["steps_to_go"]


def test_the_default_folder_says_when_what_and_which_seed(vlp: Any, tmp_path: Path) -> None:
    done = vlp("plan", PUSH, *SMALL, "--seed", "3")
    assert done.returncode == 0, done.stderr
    (folder,) = (tmp_path / "runs").iterdir()
    assert folder.name.endswith("-push-the-red-moon-to-the-blue-cube-3")
    assert str(folder / "report.html") in done.stdout


def test_collect_writes_a_dataset(vlp: Vlp, tmp_path: Path) -> None:
    done = vlp("collect", "--out", "data", "--episodes", "2", "--kind", "push", "--first-seed", "4")
    assert done.returncode == 0, done.stderr
    episodes = list(read_episodes(tmp_path / "data"))
    assert len(episodes) == 2
    assert "2 episodes" in done.stdout and "Traceback" not in done.stderr
    again = vlp("collect", "--out", "data", "--episodes", "2")
    assert again.returncode == 5 and again.stderr.splitlines()[-1].startswith("vlp: error: expected an empty")
    assert len(list(read_episodes(tmp_path / "data"))) == 2


def test_a_worlds_bench_is_named_as_it_was_typed(vlp: Vlp) -> None:
    done = vlp("bench", "metaworld")
    assert done.returncode == 2 and len(done.stderr.splitlines()) == 1
    assert done.stderr.strip().endswith("see vlp bench metaworld --help") and "bench-world" not in done.stderr
