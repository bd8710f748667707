"""Runs of a folder that hold anything: the page, and the stop on it, come up whatever that is."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.vlp.console.staged import Stage, imagined, staged
from vlp.record.decision import save_decision

DEEP = "[" * 200_000
RESULTS = {
    "score": [
        '"0.5"', "[1]", "{}", "null", "true", "NaN", "Infinity", "-Infinity", "1e999", "9" * 400, "9" * 5000,
        '"' + "x" * 4_000_000 + '"', DEEP,
    ],
    "control_steps": ['"7"', "1.5", "[]", "-1", "9" * 300, "true", DEEP],
    "status": ["1", "[]", '"\\ud800"', '"<script>alert(1)</script>"', "null"],
    "reason": ['"\\ud800 \\u001b[31m"', "{}", '"' + "x" * 100_000 + '"'],
    "instruction": ['["a"]', '"\\udfff"', "0"],
    "complete": ['"no"', "[0]"],
}  # fmt: skip
Damage = str | Callable[[dict[str, Any]], dict[str, Any]]
CASES = [(name, value) for name, values in RESULTS.items() for value in values]


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with staged(tmp_path_factory.mktemp("damage") / "runs") as stage:
        run = stage.root / "sound"
        run.mkdir()
        (run / "events.jsonl").touch()
        (run / "result.json").write_text('{"status": "finished", "score": 0.25, "control_steps": 1234}')
        yield stage


@pytest.fixture
def broken(stage: Stage) -> Iterator[Path]:
    """A run to damage; afterwards it is out of the way."""
    run = stage.root / "broken"
    run.mkdir()
    (run / "events.jsonl").touch()
    yield run
    run.rename(stage.root.parent / f"{len(list(stage.root.parent.iterdir()))}")


def page(stage: Stage) -> str:
    """The page, in which the other run stands as ever."""
    with httpx.Client(base_url=stage.base, headers=stage.headers, timeout=60) as client:
        history, whole = client.get("/part/history"), client.get("/")
    for answer in (history, whole):
        assert answer.status_code == 200 and "0.25" in answer.text and "1234" in answer.text
        assert "can't be shown" not in answer.text
    assert 'id="stop"' in whole.text
    return history.text


@pytest.mark.parametrize(("name", "value"), CASES, ids=[f"{name}-{value[:9]}" for name, value in CASES])
def test_a_result_of_any_kind_is_no_fault(stage: Stage, broken: Path, name: str, value: str) -> None:
    (broken / "result.json").write_text(f'{{"{name}": {value}}}')
    text = page(stage)
    assert "broken" in text and "<script>" not in text and "\x1b" not in text and len(text) < 10_000


@pytest.mark.parametrize("whole", ["", "{", "null", "[]", "7", DEEP, '{"a":' * 100_000, "\xff\xfe"])
def test_a_result_that_can_not_be_read_says_so(stage: Stage, broken: Path, whole: str) -> None:
    (broken / "result.json").write_bytes(whole.encode("latin-1"))
    assert "result.json can" in page(stage)


@pytest.mark.parametrize("first", ["", "{", DEEP, "\xff", '{"kind": "run_started"}', "x" * 2**21])
def test_events_of_any_kind_are_no_fault(stage: Stage, broken: Path, first: str) -> None:
    (broken / "events.jsonl").write_bytes(first.encode("latin-1"))
    assert "broken" in page(stage)


def test_names_that_lead_in_a_circle_or_nowhere(stage: Stage, broken: Path) -> None:
    for name, target in (("circle", "circle"), ("nowhere", "no/such/place"), ("around", "..")):
        (stage.root / name).symlink_to(target)
    (broken / "result.json").mkdir()
    (broken / "robot").mkdir()
    (broken / "robot" / "stopped.json").write_text(DEEP)
    (broken / "robot" / "lease.json").write_text(DEEP)
    assert "broken" in page(stage)


@pytest.mark.parametrize(
    "damage",
    [
        "", "null", "[]", DEEP, '{"format": 1}', '{"format": [1]}',
        lambda kept: kept | {"plan": [99]}, lambda kept: kept | {"plan": "ab"},
        lambda kept: kept | {"nodes": 7}, lambda kept: kept | {"nodes": [{}]},
        lambda kept: kept | {"root": []}, lambda kept: kept | {"seconds": "x"},
        lambda kept: kept | {"expected_success": [1]}, lambda kept: kept | {"goal": None},
        lambda kept: kept | {"nodes": [node | {"steps_to_go": "x"} for node in kept["nodes"]]},
        lambda kept: kept | {"nodes": [node | {"depth": None} for node in kept["nodes"]]},
    ],
)  # fmt: skip
def test_a_decision_of_any_kind_leaves_the_stop_on_the_page(
    stage: Stage, broken: Path, damage: Damage
) -> None:
    """Of the run that is shown, whose plan is drawn from it."""
    folder = broken / "decisions" / "01"
    save_decision(folder, 1, imagined(1), 0.5)
    sealed = folder / "tree.json"
    kept = json.loads(sealed.read_text())
    sealed.write_text(damage if isinstance(damage, str) else json.dumps(damage(kept)))
    stage.desk.loading("getting ready")
    stage.desk.began(broken)
    stage.desk._show(decision=1)
    with httpx.Client(base_url=stage.base, headers=stage.headers, timeout=60) as client:
        whole = client.get("/")
        assert whole.status_code == 200 and 'id="stop"' in whole.text and "0.25" in whole.text
        for path in ("plan.mp4", "branches/0.png", "acted/1.png"):
            assert client.get(f"/runs/broken/decisions/1/{path}").status_code in (200, 404)
    stage.desk.over("nothing is under way")
    stage.desk._show(decision=0)


def test_pictures_of_any_kind_are_no_fault(stage: Stage, broken: Path) -> None:
    folder = broken / "decisions" / "01"
    save_decision(folder, 1, imagined(1), 0.5)
    (folder / "acted_01.json").write_text('{"imagined": 3, "real": -3}')
    with httpx.Client(base_url=stage.base, headers=stage.headers, timeout=60) as client:
        assert client.get("/runs/broken/decisions/1/plan.mp4").status_code == 200
        for name in ("clips_00.png", "root.png", "acted_01.png"):
            whole = (folder / name).read_bytes() if (folder / name).exists() else b"\x89PNG"
            for text in (
                whole[: len(whole) // 2],
                whole[:40] + b"\0\0\0\0" + whole[44:],
                b"",
                b"\x89PNG\r\n\x1a\n",
            ):
                (folder / name).write_bytes(text)
                (folder / "tree.json").touch()
                for path in ("plan.mp4", "branches/0.png", "acted/1.png"):
                    assert client.get(f"/runs/broken/decisions/1/{path}").status_code in (200, 404)
