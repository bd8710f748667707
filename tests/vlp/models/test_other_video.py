"""The agent with a pretrained video pipeline: the same plan as its twin, and real classes to the end."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from executors.tabletop.simulated import SimulatedRobot
from planner import Search
from tests.video.pretrained.tiny_pipelines import FRAMES, KINDS, SIZES, save
from video.pretrained.pipeline import PretrainedConfig, PretrainedVideo
from vlp.agent.agent import AgentLoop
from vlp.agent.parts import Parts
from vlp.bench.episode import NoFolder
from vlp.cli.main import main
from vlp.domains.tabletop.build import VideoBranches, build
from vlp.events.types import Events
from vlp.models.chosen import Models, Pretrained
from vlp.models.diffusers_video import OtherVideo
from vlp.record.folder import RunFolder
from vlp.settings import Settings

GOAL = "group the blocks by color"
SMALL = Settings(seed=1_000_003, beams=1, language_branches=2, video_branches=2, horizon=1)


@pytest.fixture(scope="module")
def parts() -> Parts:
    return build(device="cpu")


def plan(parts: Parts, settings: Settings = SMALL) -> Search:
    robot = SimulatedRobot(GOAL, seed=settings.seed)
    return AgentLoop(parts, robot, settings, events=Events(), folder=cast(RunFolder, NoFolder())).plan(GOAL)


class Twin:
    """The bundled video model called as pipelines of diffusers are."""

    def __init__(self, video: VideoBranches) -> None:
        self._video = video

    def set_progress_bar_config(self, **_: Any) -> None: ...

    def __call__(
        self, image: Any, prompt: Any, height: int = 96, width: int = 128, generator: Any = None,
        output_type: str = "pil",
    ) -> Any:  # fmt: skip
        starts = np.stack([np.asarray(picture) for picture in image])
        clips = self._video.imagine(starts, prompt, [draws.initial_seed() for draws in generator])
        return SimpleNamespace(frames=np.concatenate([starts[:, None], clips], 1) / np.float32(255))


def test_a_twin_behind_the_interface_gives_the_same_plan(parts: Parts) -> None:
    settings = replace(SMALL, beams=2, language_branches=3, video_branches=2, horizon=2)
    assert isinstance(parts.video, VideoBranches)
    twin = OtherVideo(PretrainedVideo(Twin(parts.video)), "twin")
    own, other = plan(parts, settings), plan(replace(parts, video=twin), settings)
    assert own.plan.subgoals == other.plan.subgoals
    for ours, theirs in zip(own.tree.nodes, other.tree.nodes, strict=True):
        assert ours.subgoal == theirs.subgoal and ours.rejected == theirs.rejected
        if ours.depth == 1:
            assert np.array_equal(ours.last_frame, theirs.last_frame)
        # Clips from two beams are two batches: a batch of another size rounds otherwise, and an edge of a
        # block may fall on the next pixel.
        assert np.abs(ours.last_frame.astype(int) - theirs.last_frame).mean() < 0.1


@pytest.mark.parametrize("kind", KINDS)
def test_real_classes_plan(kind: str, parts: Parts, tmp_path: Path) -> None:
    """Without guards, since what untrained weights imagine is no board."""
    config = PretrainedConfig(steps=1, size=SIZES[kind], frames=FRAMES)
    video = OtherVideo(PretrainedVideo.load(str(save(kind, tmp_path)), config), "tiny")
    found = plan(replace(parts, video=video, guards=(), close_guards=(), max_value_gain=None))
    assert len(found.tree.nodes) == 4 and len(found.plan) == 1
    assert found.plan[0].clip.shape == (8, 96, 128, 3)


def test_the_command_line_takes_a_pipeline_and_the_guards_what_it_imagines(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = save("wan", tmp_path / "wan")
    flags = ["--beams", "1", "--language-branches", "1", "--video-branches", "2", "--horizon", "1"]
    own = ["--video-steps", "1", "--video-size", "64x96", "--video-frames", "9", "--video-guidance", "1"]
    run = tmp_path / "run"
    where = ["--seed", "1000003", "--device", "cpu", "--out", str(run), "--json"]
    code = main(["plan", GOAL, "--video", f"diffusers:{folder}", *own, *flags, *where])
    out, err = capsys.readouterr()
    assert code == 4 and "no plan: all 2 branches were rejected" in err
    (used,) = json.loads(out.splitlines()[-1])["models_used"]
    assert used == {"backend": "diffusers", "model": str(folder), "class": "WanImageToVideoPipeline"}
    tree = json.loads((run / "decisions" / "01" / "tree.json").read_text())
    assert len(tree["nodes"]) == 2 and all(node["rejected"] for node in tree["nodes"])


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "cogvideox"])  # whose noise: below
def test_without_guards_the_command_line_shows_what_it_would_plan(
    kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = save(kind, tmp_path / kind)
    flags = ["--beams", "1", "--language-branches", "1", "--video-branches", "2", "--horizon", "1"]
    size = "x".join(map(str, SIZES[kind]))
    own = ["--video-steps", "1", "--video-size", size, "--video-frames", "9", "--guards", "off"]
    where = ["--seed", "1000003", "--device", "cpu", "--out", str(tmp_path / "run"), "--json"]
    assert main(["plan", GOAL, "--video", f"diffusers:{folder}", *own, *flags, *where]) == 0
    result = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert len(result["plan"]) == 1 and result["control_steps"] == 0
    assert result["models_used"][0]["backend"] == "diffusers"


def test_a_clip_with_more_blocks_than_the_vlm_sees_has_no_value(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = save("cogvideox", tmp_path / "noise")
    flags = ["--beams", "1", "--language-branches", "1", "--video-branches", "2", "--horizon", "1"]
    size = "x".join(map(str, SIZES["cogvideox"]))
    own = ["--video-steps", "1", "--video-size", size, "--video-frames", "9", "--guards", "off"]
    where = ["--seed", "1000003", "--device", "cpu", "--out", str(tmp_path / "run"), "--json"]
    assert main(["plan", GOAL, "--video", f"diffusers:{folder}", *own, *flags, *where]) == 4
    assert "steps-to-go is not finite" in capsys.readouterr().err


def test_a_size_that_it_does_not_take_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = save("cogvideox", tmp_path / "cog")
    flags = ["--video", f"diffusers:{folder}", "--video-size", "64x96", "--video-frames", "9"]
    code = main(["run", GOAL, "--seed", "1000003", "--device", "cpu", "--out", str(tmp_path / "run"), *flags])
    assert code == 6
    assert "fails at 64x96 pixels" in capsys.readouterr().err.splitlines()[-1]
    result = json.loads((tmp_path / "run" / "result.json").read_text())
    assert result["control_steps"] == 0


def test_a_folder_without_a_pipeline_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "empty").mkdir()
    where = ["--seed", "1000003", "--device", "cpu", "--out", str(tmp_path / "run")]
    assert main(["plan", GOAL, "--video", f"diffusers:{tmp_path / 'empty'}", *where]) == 3
    assert "expected a diffusers pipeline" in capsys.readouterr().err.splitlines()[-1]


def test_it_is_loaded_by_the_composition_root(tmp_path: Path) -> None:
    folder = save("ltx", tmp_path / "ltx")
    parts = build(device="cpu", models=Models(video=Pretrained(source=str(folder))))
    assert isinstance(parts.video, OtherVideo) and parts.accounted == (parts.video,)
