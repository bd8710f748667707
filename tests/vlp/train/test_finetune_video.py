"""Fine-tuning tiny video pipelines of real classes on episodes that were really collected."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tasks.data.footage import Footage
from tasks.tabletop.demos.collect import collect
from tests.video.pretrained.tiny_pipelines import FRAMES, SIZES, save
from video.pretrained.families import family
from video.pretrained.finetune import SPAN, Clip, VideoFinetuneConfig, finetune, prepare, recorded
from video.pretrained.finetune import save as save_tuned
from video.pretrained.pipeline import PretrainedConfig, PretrainedError, PretrainedVideo, load_pipeline
from vlp.cli.main import main

KINDS = ["wan", "ltx", "cogvideox"]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("data") / "set"
    collect(root, episodes=1, kind="long", first_seed=5)
    return root


@pytest.fixture(scope="module")
def clips(data: Path) -> list[Clip]:
    return recorded(data, FRAMES)


def config(kind: str, **more: Any) -> VideoFinetuneConfig:
    return VideoFinetuneConfig(minutes=5, size=SIZES[kind], frames=FRAMES, **more)


# -- clips ---------------------------------------------------------------------------------------------


def footage(length: int, subgoals: tuple[str, ...] = (), fps: float = 10.0) -> Footage:
    """Every frame shows its number."""
    rgb = np.broadcast_to(np.arange(length, dtype=np.uint8)[:, None, None, None], (length, 4, 4, 3))
    return Footage(np.array(rgb), "tidy up", subgoals, True, fps)


def numbers(clip: Clip) -> list[int]:
    return [int(frame[0, 0, 0]) for frame in clip.frames]


def test_a_clip_is_a_push_as_long_as_the_planner_s(monkeypatch: pytest.MonkeyPatch) -> None:
    def given(*seen: Footage) -> list[Clip]:
        monkeypatch.setattr("video.pretrained.finetune.read_footage", lambda root, camera: iter(seen))
        return recorded(Path(), 9)

    first, second = given(footage(100, ("a",) * 60 + ("b",) * 40))
    assert (first.text, second.text) == ("a", "b") and SPAN == 48
    assert numbers(first) == [0, 6, 12, 18, 24, 30, 36, 42, 48]
    assert numbers(second) == [60, 66, 72, 78, 84, 90, 96, 99, 99]
    (whole,) = given(footage(200, fps=30.0))
    assert whole.text == "tidy up" and numbers(whole) == [0, 18, 36, 54, 72, 90, 108, 126, 144]


# -- training ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_the_exercise_is_what_the_pipeline_asks(kind: str, clips: list[Clip], tmp_path: Path) -> None:
    """Same shapes, same first frame and words; all noise at the latest time, none at the first."""
    pipeline = load_pipeline(str(save(kind, tmp_path)))
    own = family(pipeline)
    known = prepare(pipeline, own, clips[0], config(kind))
    exercise = own.exercise(pipeline, known.asked, known.clean, torch.Generator().manual_seed(0))
    for name, value in known.asked.items():
        if isinstance(value, torch.Tensor):
            assert exercise.asked[name].shape == value.shape
            if name not in ("hidden_states", "timestep"):
                assert exercise.asked[name] is value
    answer = pipeline.transformer(**exercise.asked)[0]
    assert answer.shape == exercise.target.shape == known.clean.shape
    other = own.exercise(pipeline, known.asked, known.clean, torch.Generator().manual_seed(1))
    assert not torch.equal(other.asked["hidden_states"], exercise.asked["hidden_states"])


def test_ltx_s_first_frame_stays_clean(clips: list[Clip], tmp_path: Path) -> None:
    pipeline = load_pipeline(str(save("ltx", tmp_path)))
    known = prepare(pipeline, family(pipeline), clips[0], config("ltx"))
    found = family(pipeline).exercise(pipeline, known.asked, known.clean, torch.Generator().manual_seed(0))
    still = found.asked["timestep"][0] == 0
    assert still.any() and not still.all()
    own = known.asked["hidden_states"]
    assert torch.equal(found.asked["hidden_states"][0, still], own[0, still]), "as the pipeline itself has it"
    assert not torch.isclose(found.asked["hidden_states"][0, ~still], own[0, ~still]).any(1).all()
    assert (found.weight[0, still] == 0).all() and (found.weight[0, ~still] == 1).all()


def test_wan_s_latents_are_in_the_pipeline_s_own_measure(clips: list[Clip], tmp_path: Path) -> None:
    """The first frame's, which the pipeline puts beside the noise, are those of the clip's first frame."""
    pipeline = load_pipeline(str(save("wan", tmp_path)))
    known = prepare(pipeline, family(pipeline), clips[0], config("wan"))
    first_frame = known.asked["hidden_states"][:, 20:, 0]  # after 16 channels of noise and 4 of the mask
    assert torch.allclose(first_frame, known.clean[:, :, 0], atol=1e-3)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("lora", [True, False])
def test_the_loss_falls_and_the_result_loads_back(
    kind: str, lora: bool, clips: list[Clip], tmp_path: Path
) -> None:
    base = save(kind, tmp_path / "base")
    pipeline = load_pipeline(str(base))
    steps = 50 if lora else 25  # adapters learn more slowly
    outcome = finetune(pipeline, clips[:1], config(kind, steps=steps, lora=lora, learning_rate=3e-3))
    assert outcome["steps"] == steps and outcome["last_loss"] < 0.85 * outcome["first_loss"]
    save_tuned(pipeline, tmp_path / "tuned", base=str(base), lora=lora)
    asked = PretrainedConfig(steps=2, size=SIZES[kind], frames=FRAMES, guidance=1.0)

    def imagined(video: PretrainedVideo) -> np.ndarray:
        return np.asarray(video.imagine(clips[0].frames[:1], [clips[0].text], [1]), int)

    loaded = imagined(PretrainedVideo.load(str(tmp_path / "tuned"), asked))
    assert np.abs(loaded - imagined(PretrainedVideo(pipeline, asked))).max() <= 1
    assert np.abs(loaded - imagined(PretrainedVideo.load(str(base), asked))).max() > 5
    assert (tmp_path / "tuned" / "pytorch_lora_weights.safetensors").is_file() == lora


def test_a_family_that_is_not_known_is_said(tmp_path: Path) -> None:
    with pytest.raises(
        PretrainedError, match=r"Wan 2\.1, LTX or CogVideoX, got StableVideoDiffusionPipeline"
    ):
        family(load_pipeline(str(save("svd", tmp_path))))


def test_a_number_of_frames_that_it_rounds_is_said(data: Path, tmp_path: Path) -> None:
    pipeline = load_pipeline(str(save("wan", tmp_path)))
    wrong = VideoFinetuneConfig(minutes=1, size=SIZES["wan"], frames=8)
    with pytest.raises(PretrainedError, match="8 frames"):
        prepare(pipeline, family(pipeline), recorded(data, 8)[0], wrong)


def test_weights_in_half_precision_learn_small_steps(clips: list[Clip], tmp_path: Path) -> None:
    pipeline = load_pipeline(str(save("ltx", tmp_path)))
    pipeline.to(torch.bfloat16)
    outcome = finetune(pipeline, clips[:1], config("ltx", steps=3, learning_rate=1e-5, cpu=True))
    assert np.isfinite(outcome["last_loss"])


def test_a_size_that_it_does_not_take_is_said(clips: list[Clip], tmp_path: Path) -> None:
    pipeline = load_pipeline(str(save("ltx", tmp_path)))
    wrong = VideoFinetuneConfig(minutes=1, size=(50, 70), frames=FRAMES)
    with pytest.raises(PretrainedError, match="fails at 50x70 pixels"):
        prepare(pipeline, family(pipeline), clips[0], wrong)


# -- the command line ----------------------------------------------------------------------------------


def test_the_command_line_fine_tunes(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    base, out = save("wan", tmp_path / "base"), tmp_path / "tuned"
    command = ["train", "video", "--minutes", "0.02", "--base", str(base), "--lora", "--rank", "4"]
    shape = ["--size", "64x96", "--frames", "9", "--device", "cpu"]
    assert main([*command, *shape, "--data", str(data), "--export", str(out)]) == 0
    said = capsys.readouterr()
    assert f"--video diffusers:{out}" in said.out and "fine-tuning" not in said.out
    assert 0 <= said.err.find("reading data") < said.err.find("fine-tuning")
    record = json.loads((out / "finetune.json").read_text())
    assert record["steps"] >= 1 and record["size"] == [64, 96] and record["clips"] >= 3
    PretrainedVideo.load(str(out))
