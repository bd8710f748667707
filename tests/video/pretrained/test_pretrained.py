"""Pretrained image-to-video pipelines: tiny ones of real classes, from folders, as the planner calls them."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from diffusers import DDPMPipeline, DDPMScheduler, UNet2DModel

from planner import VideoModel
from tests.video.pretrained.tiny_pipelines import FRAMES, KINDS, SIZES, save
from video.pretrained.fit import Fit, pick
from video.pretrained.pipeline import PretrainedConfig, PretrainedError, PretrainedVideo

RNG = np.random.default_rng(0)
STARTS = RNG.integers(0, 255, (3, 96, 128, 3), dtype=np.uint8)
STARTS[2] = STARTS[0]
TEXTS = ["push the red star up", "push the blue cube up", "push the blue cube up"]


# -- fitting -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", [(96, 128), (480, 832), (704, 1280), (512, 512), (768, 256), (48, 64)])
def test_a_frame_fits_without_distortion_and_comes_back(model: tuple[int, int]) -> None:
    rows, columns = np.mgrid[:96, :128]
    smooth = np.stack([rows * 2, columns * 1.5, 255 - rows - columns], -1).clip(0, 255).astype(np.uint8)
    fit = Fit((96, 128), model)
    assert fit.inner[0] / fit.inner[1] == pytest.approx(96 / 128, abs=0.01)
    assert fit.inner[0] == model[0] or fit.inner[1] == model[1]
    large = fit.enlarge(smooth)
    assert large.shape == (*model, 3)
    back = fit.reduce(large[None].astype(np.float32))[0]
    assert np.abs(back - smooth).mean() < 2.0 and np.abs(back - smooth).max() < 30


def test_the_camera_s_own_size_is_not_touched() -> None:
    fit = Fit((96, 128), (96, 128))
    assert np.array_equal(fit.enlarge(STARTS[0]), STARTS[0])
    assert np.array_equal(fit.reduce(STARTS.astype(np.float32)), STARTS)


def test_what_is_added_is_the_edge_drawn_out() -> None:
    large = Fit((96, 128), (96, 192)).enlarge(STARTS[0])
    assert np.array_equal(large[:, 32:160], STARTS[0])
    assert (large[:, :32] == STARTS[0][:, :1]).all() and (large[:, 160:] == STARTS[0][:, -1:]).all()


def test_frames_are_picked_evenly_after_the_first() -> None:
    assert pick(9, 8).tolist() == [1, 2, 3, 4, 5, 6, 7, 8]
    assert pick(81, 8).tolist() == [10, 20, 30, 40, 50, 60, 70, 80]
    assert pick(5, 8).tolist() == [0, 1, 2, 2, 2, 3, 4, 4]
    with pytest.raises(ValueError, match="2 or more"):
        pick(1, 8)


# -- real classes --------------------------------------------------------------------------------------


@pytest.fixture(scope="module", params=KINDS)
def video(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> PretrainedVideo:
    folder = save(request.param, tmp_path_factory.mktemp(request.param))
    config = PretrainedConfig(steps=2, size=SIZES[request.param], frames=FRAMES)
    return PretrainedVideo.load(str(folder), config)


def test_clips_are_of_the_camera_s_size_and_the_seed(video: PretrainedVideo) -> None:
    assert isinstance(video, VideoModel)
    clips = video.imagine(STARTS, TEXTS, [1, 2, 3])
    assert clips.shape == (3, 8, 96, 128, 3) and clips.dtype == np.uint8
    assert np.array_equal(video.imagine(STARTS, TEXTS, [1, 2, 3]), clips)
    assert not np.array_equal(clips[0], clips[2]), "another seed from the same frame is another clip"
    alone = video.imagine(STARTS[2:], TEXTS[2:], [3])
    assert np.abs(alone[0].astype(int) - clips[2]).max() <= 2, "a batch changes nothing but rounding"


def test_the_words_count(video: PretrainedVideo) -> None:
    if "prompt" not in video._knows:
        pytest.skip("it knows no words")
    one, other = (video.imagine(STARTS[:1], [text], [1]) for text in TEXTS[:2])
    assert not np.array_equal(one, other)


def test_a_size_that_it_does_not_take_is_said(video: PretrainedVideo) -> None:
    wrong = PretrainedVideo(video.pipeline, PretrainedConfig(steps=2, size=(57, 71), frames=FRAMES))
    with pytest.raises(PretrainedError, match="fails at 57x71 pixels") as error:
        wrong.imagine(STARTS[:1], TEXTS[:1], [1])
    assert "\n" not in str(error.value)


# -- how a pipeline is called --------------------------------------------------------------------------


class Recorder:
    """Takes what a pipeline takes; its video fades from the image. A fake."""

    def __init__(self, most: int = 99, bad: bool = False) -> None:
        self.calls: list[dict[str, Any]] = []
        self._most, self._bad = most, bad

    def set_progress_bar_config(self, **_: Any) -> None: ...

    def __call__(
        self,
        image: Any = None,
        prompt: Any = None,
        height: int = 96,
        width: int = 128,
        num_frames: int = 17,
        guidance_scale: float = 5.0,
        generator: Any = None,
        output_type: str = "pil",
    ) -> Any:
        if len(prompt) > self._most:
            raise ValueError("one at a time")
        self.calls.append({"prompt": prompt, "guidance": guidance_scale, "image": image, "type": output_type})
        first = image[0] if isinstance(image, list) else image
        start = np.asarray(first, np.float32) / 255
        video = np.stack([start * (1 - k / num_frames) for k in range(num_frames)])
        video[-1, 0, 0, 0] = np.nan if self._bad else video[-1, 0, 0, 0]
        return SimpleNamespace(frames=np.stack([video] * len(prompt)))


def test_clips_from_one_frame_are_one_batch() -> None:
    pipeline = Recorder()
    PretrainedVideo(pipeline, PretrainedConfig(guidance=2.0)).imagine(STARTS, TEXTS, [1, 2, 3])
    assert [call["prompt"] for call in pipeline.calls] == [[TEXTS[0], TEXTS[2]], [TEXTS[1]]]
    assert all(call["guidance"] == 2.0 and call["type"] == "np" for call in pipeline.calls)


def test_one_at_a_time_where_a_batch_is_not_taken() -> None:
    pipeline = Recorder(most=1)
    clips = PretrainedVideo(pipeline).imagine(STARTS, TEXTS, [1, 2, 3])
    assert [call["prompt"] for call in pipeline.calls] == [[TEXTS[0]], [TEXTS[2]], [TEXTS[1]]]
    assert np.array_equal(clips[0], clips[2]) and not np.array_equal(clips[0], clips[1])


def test_the_first_frame_is_left_out_and_the_last_is_the_last() -> None:
    clips = PretrainedVideo(Recorder()).imagine(STARTS[:1], TEXTS[:1], [1])
    shares = clips[0].reshape(8, -1).sum(1) / STARTS[0].sum()
    assert shares == pytest.approx([1 - k / 17 for k in range(2, 17, 2)], abs=0.01)


def test_numbers_that_are_none_are_left_for_the_guards() -> None:
    clips = PretrainedVideo(Recorder(bad=True)).imagine(STARTS[:2], TEXTS[:2], [1, 2])
    assert clips.dtype == np.float32 and not np.isfinite(clips[0, -1]).all()
    assert np.isfinite(clips[:, 0]).all() and clips[:, 0].max() > 200


# -- what is refused -----------------------------------------------------------------------------------


def test_a_pipeline_without_an_image_is_refused(tmp_path: Path) -> None:
    unet = UNet2DModel(
        sample_size=8, block_out_channels=(8, 8), layers_per_block=1, norm_num_groups=4,
        down_block_types=("DownBlock2D",) * 2, up_block_types=("UpBlock2D",) * 2,
    )  # fmt: skip
    DDPMPipeline(unet, DDPMScheduler()).save_pretrained(tmp_path)
    with pytest.raises(PretrainedError, match="expected an image-to-video pipeline, got DDPMPipeline"):
        PretrainedVideo.load(str(tmp_path))


def test_a_single_frame_is_said(tmp_path: Path) -> None:
    config = PretrainedConfig(steps=1, size=SIZES["wan"], frames=2)  # which Wan rounds to one
    video = PretrainedVideo.load(str(save("wan", tmp_path)), config)
    with pytest.raises(PretrainedError, match="expected 2 or more frames"):
        video.imagine(STARTS[:1], TEXTS[:1], [1])


def test_a_folder_without_a_pipeline_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PretrainedError, match="expected a diffusers pipeline") as error:
        PretrainedVideo.load(str(tmp_path))
    assert "\n" not in str(error.value)


def test_pickled_weights_are_refused(tmp_path: Path) -> None:
    folder = save("ltx", tmp_path / "ltx")
    for file in folder.rglob("*.safetensors"):
        file.rename(file.with_suffix(".bin"))
    with pytest.raises(PretrainedError):
        PretrainedVideo.load(str(folder))


def test_offloading_needs_a_gpu(tmp_path: Path) -> None:
    with pytest.raises(PretrainedError, match="expected a GPU to offload from"):
        PretrainedVideo.load(str(tmp_path), PretrainedConfig(offload="model"))
