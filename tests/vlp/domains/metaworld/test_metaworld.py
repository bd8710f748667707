"""Meta-World as a world: what it says of itself, what it refuses, and a run with learned models."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.sawyer import hardly_trained, installed_world, needs_metaworld

needs_metaworld()

from tasks.metaworld import available  # noqa: E402
from tasks.metaworld.env import SawyerEnv  # noqa: E402
from vlp.cli.main import main  # noqa: E402
from vlp.domains.metaworld.build import ConsistentGuard  # noqa: E402
from vlp.events.types import read_events  # noqa: E402
from vlp.latent.imagination import Imagination, scaled  # noqa: E402

__all__ = ["installed_world"]
pytestmark = pytest.mark.usefixtures("installed_world")
SMALL = (
    "--beams",
    "1",
    "--language-branches",
    "1",
    "--video-branches",
    "2",
    "--horizon",
    "1",
    "--device",
    "cpu",
)
Said = Callable[..., str]


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return hardly_trained(tmp_path_factory)[0]


@pytest.fixture
def refused(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Said:
    """Runs a command line that is refused; its one line. Nothing has moved."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str, code: int = 2) -> str:
        assert (
            main([*arguments, *(("--out", str(tmp_path / "run")) if arguments[0] == "run" else ())]) == code
        )
        said = [line for line in capsys.readouterr().err.splitlines() if line.startswith("vlp: ")]
        assert len(said) == 1
        events = tmp_path / "run" / "events.jsonl"
        assert not events.exists() or "acted" not in [event.kind for event in read_events(events)]
        return said[0]

    return run


def test_a_run_imagines_acts_and_ends_when_its_steps_are_over(
    weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = (
        "--world",
        "metaworld",
        "--models",
        str(weights),
        "--max-control-steps",
        "20",
        "--seed",
        "10",
    )
    assert main(["run", "Open the door.", *arguments, *SMALL, "--out", str(tmp_path / "run"), "--json"]) == 0
    result = json.loads(capsys.readouterr().out.splitlines()[-1])
    kinds = Counter(event.kind for event in read_events(tmp_path / "run" / "events.jsonl"))
    assert result["control_steps"] == kinds["acted"]
    assert result["task"] == "open the door" and result["judged_by"] == "simulator"
    if result["reason"] == "out of control steps":  # hardly trained, its VLM may well say anything
        assert result["control_steps"] == 20 and kinds["searched"] >= 1 and not result["complete"]
    assert {"learned", "learned/transformer", "learned/policy"} <= set(result["models"])


def test_without_a_vlm_nobody_says_that_it_is_done(
    weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lone = shutil.copytree(weights, tmp_path / "lone", ignore=shutil.ignore_patterns("vlm", "policy"))
    arguments = ("--world", "metaworld", "--models", str(lone), "--max-control-steps", "20", "--seed", "10")
    assert (
        main(["run", "press the button", *arguments, *SMALL, "--out", str(tmp_path / "run"), "--json"]) == 0
    )
    result = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert result["reason"] == "out of control steps" and result["control_steps"] == 20
    searched = [event for event in read_events(tmp_path / "run/events.jsonl") if event.kind == "searched"]
    # One of two clips is dropped each time: the less consistent.
    assert searched and all(sum(event.rejected.values()) == 1 for event in searched)


def test_of_clips_that_agree_equally_well_one_is_kept(weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    guard = ConsistentGuard(Imagination.load(weights, device="cpu", steps=1, width=4))
    start = np.zeros((1, 128, 128, 3), np.uint8)
    frames, words = np.repeat(start, 4, 0), ["press the button"] * 2 + ["open the door"] * 2
    monkeypatch.setattr(Imagination, "inconsistency", lambda *_: np.full(4, 0.25, np.float32))
    kept = guard.check(frames, np.repeat(frames[:, None], 8, 1), words)
    assert [reason is None for reason in kept] == [True, False, True, False]


def test_a_task_that_this_world_has_not_is_refused(refused: Said, weights: Path) -> None:
    said = refused("run", "open the dor", "--world", "metaworld", "--models", str(weights))
    assert "did you mean 'open the door'" in said and "hammer the nail in" in said
    said = refused(
        "run", "open the door", "--world", "metaworld", "--models", str(weights), "--rule", "be slow"
    )
    assert "rule: expected none in this world" in said


def test_weights_that_are_none_or_another_worlds_are_refused(
    refused: Said, weights: Path, tmp_path: Path
) -> None:
    asked = ("run", "open the door", "--world", "metaworld")
    assert "expected --models PATH" in refused(*asked, code=3)
    assert "without scale.json" in refused(*asked, "--models", str(tmp_path), code=3)
    other = shutil.copytree(weights, tmp_path / "other")
    scale = json.loads((other / "scale.json").read_text())
    scale |= {name: scale[name][:2] for name in ("action_mean", "action_std")}
    (other / "scale.json").write_text(json.dumps(scale))
    assert "for actions of 4 numbers, got 2" in refused(*asked, "--models", str(other), code=3)


def test_pictures_of_another_camera_are_refused(
    refused: Said, weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded = Imagination.load(weights, device="cpu", steps=1, width=4)
    env = SawyerEnv("door-open", "corner3")
    assert loaded.knows(env.reset(seed=5)[0]["rgb"])
    assert not loaded.knows(np.random.default_rng(0).integers(0, 255, (128, 128, 3), np.uint8))
    monkeypatch.setattr(
        "tasks.metaworld.env.SawyerEnv.picture",
        lambda self, height, width: np.random.default_rng(0).integers(0, 255, (height, width, 3), np.uint8),
    )
    said = refused("run", "open the door", "--world", "metaworld", "--models", str(weights), code=3)
    assert "trained on this camera's pictures, got others" in said


@pytest.mark.parametrize(
    ("lacks", "said"),
    [
        ("package", 'pip install "video-language-planner[metaworld]"'),
        ("library", "apt-get install libosmesa6"),
    ],
)
def test_what_is_missing_is_said(
    lacks: str, said: str, refused: Said, weights: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    if lacks == "package":
        monkeypatch.setattr(available, "PACKAGES", ("metaworld", "no_such_package"))
    else:
        monkeypatch.setattr("ctypes.util.find_library", lambda name: None)
    for asked in (
        ("run", "open the door", "--world", "metaworld", "--models", str(weights)),
        ("collect", "--world", "metaworld", "--out", "data", "--episodes", "1"),
        ("bench", "metaworld", "--track", "165", "--method", "expert"),
    ):
        assert said in refused(*asked)
    assert not Path("data").exists()
    assert main(["worlds"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2 and lines[0].startswith("metaworld: ") and said in lines[0]


def test_collecting_is_asked_for_by_kind_and_by_seeds_of_training(refused: Said) -> None:
    asked = ("collect", "--world", "metaworld", "--out", "data", "--episodes", "2")
    assert "kind: expected one of expert, disturbed, play, mixed, got 'push'" in refused(
        *asked, "--kind", "push"
    )
    assert "expected seeds below 1000000" in refused(*asked, "--first-seed", "999999")
    kinds = (
        "play, push, long, corrected, corrected-long, corrected-lost, timelapse, program, timelapse-program, "
        "timelapse-own, mixed"
    )
    said = refused("collect", "--out", "data", "--episodes", "2", "--kind", "expert")
    assert f"kind: expected one of {kinds}" in said


def test_training_of_a_part_that_it_has_not_is_refused(refused: Said) -> None:
    assert "expected bc, or world" in refused("train", "renderer", "--minutes", "1", "--world", "metaworld")
    assert "expected --data and minutes above 0" in refused(
        "train", "bc", "--minutes", "1", "--world", "metaworld"
    )
    assert "expected a part among" in refused("train", "bc", "--minutes", "1", "--data", "data")


def test_of_each_pictures_clips_the_most_consistent_is_kept() -> None:
    class Off:
        def inconsistency(self, frames: Any, clips: Any, seeds: Any, words: Any) -> Any:
            return clips[:, 0, 0, 0, 0].astype(np.float32) / 255

    starts = np.zeros((5, 4, 4, 3), np.uint8)
    starts[3:] = 9
    clips = np.array([30, 10, 20, 50, 40], np.uint8)[:, None, None, None, None] * np.ones(
        (1, 2, 4, 4, 3), np.uint8
    )
    found = ConsistentGuard(Off()).check(starts, clips, ["open the door"] * 5)  # type: ignore[arg-type]
    assert [why is None for why in found] == [False, True, False, False, True]
    assert found[0] == "its own actions lead 11.76% elsewhere, those of another clip 3.92%"


def test_pictures_are_scaled_to_the_weights_size() -> None:
    clip = np.random.default_rng(0).integers(0, 255, (2, 3, 64, 64, 3), np.uint8)
    small = scaled(clip, (32, 32))
    assert small.shape == (2, 3, 32, 32, 3)
    assert small[1, 2, 0, 0, 0] == pytest.approx(clip[1, 2, :2, :2, 0].mean(), abs=1)
    assert scaled(clip, (64, 64)) is clip
