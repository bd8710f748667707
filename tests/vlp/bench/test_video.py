"""`vlp bench video`: figures of known clips, a judge that sees, and the command with real models in small."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from mmap import mmap
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from tasks.tabletop.demos.collect import collect
from tasks.tabletop.language import parse
from tasks.tabletop.world.world import World
from tests.video.latent.conftest import write
from tests.video.pretrained.tiny_pipelines import FRAMES, SIZES, save
from video.latent.asked import WorldTraining
from video.latent.config import LatentConfig
from video.latent.run import train_world
from vlp.bench.tabletop.clip_judge import load
from vlp.bench.video.cost import PeakMemory
from vlp.bench.video.frechet import FEATURES, features, frechet
from vlp.bench.video.pixels import clip_psnr, moved, ssim
from vlp.bench.video.summary import frechet_of, mean_of, share_of
from vlp.cli.main import main
from vlp.errors import WeightsError
from vlp.evaluate.tabletop.asked import ask
from vlp.evaluate.world import WorldOptions
from vlp.evaluate.world import main as measure
from vlp.latent.folder import BUNDLED_LATENT
from vlp.models.weights import BUNDLED


def noise(*shape: int) -> NDArray[np.uint8]:
    return np.random.default_rng(shape).integers(0, 256, shape, dtype=np.uint8)


def test_psnr_of_known_errors() -> None:
    one, other = np.full((2, 16, 16, 3), 100, np.uint8), np.full((2, 16, 16, 3), 110, np.uint8)
    assert clip_psnr(one, other) == pytest.approx(20 * np.log10(255 / 10))
    other[:, :8] = 100
    first = np.full((16, 16, 3), 100, np.uint8)
    where = moved(first, np.where(np.arange(16)[:, None, None] < 4, 160, 100).astype(np.uint8) + 0 * one)
    assert where[:, :4].all() and not where[:, 4:].any()
    assert clip_psnr(one, other, where) == 100.0  # what is wrong lies elsewhere
    assert clip_psnr(one, other, ~where) == pytest.approx(20 * np.log10(255 / 10) + 10 * np.log10(12 / 8))
    assert clip_psnr(one, other, np.zeros_like(where)) is None


def test_ssim_is_wangs() -> None:
    one, other = noise(2, 24, 24, 3), noise(2, 24, 24, 3)[::-1]
    assert ssim(one, one) == pytest.approx(1.0)
    flat, brighter = np.full((1, 24, 24, 3), 50, np.uint8), np.full((1, 24, 24, 3), 100, np.uint8)
    c1 = (0.01 * 255) ** 2
    assert ssim(flat, brighter) == pytest.approx((2 * 50 * 100 + c1) / (50**2 + 100**2 + c1))
    x, y = (frames[0, :, :, 0].astype(float) for frames in (one, other))

    def blur(v: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(gaussian_filter(v, 1.5, truncate=3.5))

    mx, my, c2 = blur(x), blur(y), (0.03 * 255) ** 2
    top = (2 * mx * my + c1) * (2 * (blur(x * y) - mx * my) + c2)
    whole = top / ((mx**2 + my**2 + c1) * (blur(x * x) - mx**2 + blur(y * y) - my**2 + c2))
    found = ssim(one[:1, :, :, :1], other[:1, :, :, :1])
    assert found == pytest.approx(float(whole[5:-5, 5:-5].mean()))


def test_the_frechet_distance_of_gaussians_is_known() -> None:
    rng = np.random.default_rng(1)
    one = rng.normal(0, 1, (20_000, 3))
    other = rng.normal([3, 0, 0], [1, 2, 1], (20_000, 3))
    assert frechet(one, one) == pytest.approx(0, abs=1e-6)
    assert frechet(one, other) == pytest.approx(9 + 1, rel=0.03)  # |m|^2 + (2 - 1)^2


def test_features_are_fixed_and_see_what_moves() -> None:
    first = noise(4, 32, 32, 3)
    still = np.repeat(first[:, None], 8, 1)
    moving = still.copy()
    moving[:, 2:, 4:28, 4:28] = 255
    assert features(first, still).shape == (4, FEATURES)
    np.testing.assert_array_equal(features(first, still), features(first, still))
    one, other = features(first, still), features(first, moving)
    assert (np.abs(one - other).min(0) > one.std(0)).any()  # more than clips differ among themselves


def test_intervals() -> None:
    rows = [{"a": value, "b": value > 2} for value in (1.0, 2.0, 3.0, 4.0)] + [{"a": None}]
    found = mean_of(rows, "a")
    assert found is not None and found["mean"] == 2.5 and found["of"] == 4
    assert found["interval_95"][0] < 2.5 < found["interval_95"][1]
    share = share_of(rows, "b")
    assert share == {"share": 0.5, "of": 4, "interval_95": [0.15, 0.85]}  # Wilson's of 2 of 4
    assert mean_of(rows, "c") is None and share_of(rows, "c") is None
    assert mean_of([{"a": 1.0}] * 3, "a") == {"mean": 1.0, "interval_95": [1.0, 1.0], "of": 3}
    rng = np.random.default_rng(2)
    apart = frechet_of(rng.normal(1, 1, (60, 2)), rng.normal(0, 1, (60, 2)))
    assert apart is not None and apart["interval_95"][0] < apart["value"] < apart["interval_95"][1]


def test_peak_memory_counts_from_when_it_is_made() -> None:
    with mmap(-1, 400_000_000) as large:  # pages of its own, which go back when it is closed
        for _ in range(400):
            large.write(b"1" * 1_000_000)
    memory = PeakMemory("cpu")
    before = memory.gigabytes()
    with mmap(-1, 200_000_000) as small:
        for _ in range(200):
            small.write(b"1" * 1_000_000)
        assert 0.15 < memory.gigabytes() - before < 0.3


def test_the_judge_sees_what_a_push_does() -> None:
    judge, world = load(BUNDLED, device="cpu"), World()
    asked = ask(world, "block2absolutelocation", 1_000_003)
    first = world.render()
    still = judge.verdict(first, first, asked.text)
    assert still is not None and not still.moves and not still.reached
    name = asked.push.instruction.blocks()[0]
    poses = dict(world.poses())
    x, y = (float(v) for v in asked.push.task["target_xy"])  # type: ignore[attr-defined]
    world.place({kind: (x, y, 0.0) if kind == name else pose for kind, pose in poses.items()}, world.target)
    done = judge.verdict(first, world.render(), asked.text)
    assert done is not None and done.moves and done.reached
    other = judge.other_words(first, asked.text, 5)
    assert other is not None
    swapped = parse(other)
    assert swapped.family == asked.push.instruction.family and swapped.blocks()[0] != name
    wrong = judge.verdict(first, world.render(), other)
    assert wrong is not None and not wrong.moves
    assert judge.verdict(first, first, "bake a cake") is None
    assert judge.other_words(first, "bake a cake", 0) is None


SMALL = LatentConfig(channels=8, width=64, layers=2, heads=4, text_layers=1, batch=16)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("data") / "data")


@pytest.fixture(scope="module")
def weights(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("world")
    train_world(WorldTraining(data=[data], folder=folder, config=SMALL, minutes=0), lambda _: None)
    return folder / "weights"


def bench(*more: object) -> list[str]:
    return ["bench", "video", *map(str, more)]


def test_models_side_by_side(
    data: Path, weights: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    line = bench("--video", "copy", weights, "--data", data, "--clips", 12, "--out", out, "--json")
    assert main([*line, "--device", "cpu"]) == 0
    found = json.loads(capfd.readouterr().out.splitlines()[-1])
    assert found == json.loads((out / "summary.json").read_text())
    assert (found["clips"], found["begin_with_their_words"]) == (12, 8)
    copy, ours = found["models"]["copy"], found["models"][f"{weights.parent.name}/weights"]
    assert copy["psnr"]["of"] == ours["psnr"]["of"] == 12
    assert copy["psnr_moved"]["mean"] < copy["psnr"]["mean"]
    assert copy["inverse"]["of"] == 12 and "moves" not in copy  # no judge knows these words
    assert ours["clips_a_second"] > 0 and ours["peak_memory_gb"] > 0.1
    assert found["inverse_by"] == f"{weights.parent.name}/weights"
    assert found["models"]["truth"]["frechet"]["value"] == pytest.approx(0, abs=1e-6)
    rows = [json.loads(text) for text in (out / "clips.jsonl").read_text().splitlines()]
    assert len(rows) == 36 and {row["model"] for row in rows} == set(found["models"])


def test_weights_that_explain_nothing_are_measured_too(tmp_path: Path) -> None:
    """An action prior that imagines, and no more: inverse consistency is left out, nothing fails."""
    collect(tmp_path / "data", episodes=2, kind="push", first_seed=1_000_001)
    line = bench(
        "--video", BUNDLED_LATENT, "--data", tmp_path / "data", "--clips", 2, "--out", tmp_path / "out"
    )
    assert main([*line, "--device", "cpu"]) == 0
    models = json.loads((tmp_path / "out/summary.json").read_text())["models"]
    (ours,) = (models[name] for name in models if name != "truth")
    assert ours["psnr"]["of"] == 2 and "inverse" not in ours and ours["moves"]["of"] == 2
    with pytest.raises(WeightsError, match="expected weights that explain clips"):
        measure(WorldOptions(models=BUNDLED_LATENT, data=tmp_path / "data"))


def test_anybodys_pipeline(data: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    pipeline = save("ltx", tmp_path / "ltx")
    size = "x".join(map(str, SIZES["ltx"]))
    line = bench("--video", pipeline, "--data", data, "--clips", 2, "--out", tmp_path / "out")
    more = ["--video-size", size, "--video-frames", str(FRAMES), "--video-steps", "1", "--device", "cpu"]
    assert main([*line, *more]) == 0
    found = json.loads((tmp_path / "out/summary.json").read_text())["models"][f"{tmp_path.name}/ltx"]
    assert found["kind"] == "diffusers LTXImageToVideoPipeline" and found["psnr"]["of"] == 2
    assert "inverse" not in found
    assert "psnr_moved" in capfd.readouterr().out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--video", "copy"], "data: expected a dataset"),
        (["--data", "DATA"], "video: expected copy, slots, a folder"),
        (["--video", "./none", "--data", "DATA"], "video: expected a folder of weights"),
        (["--video", "copy", "--data", "none"], "data: expected a LeRobotDataset"),
        (["--video", "copy", "--data", "DATA", "--clips", "1"], "clips: expected 2 to"),
        (["--video", "slots", "--data", "DATA", "--clips", "2"], "video: expected"),
        (["--video", "copy", "--data", "DATA", "--tasks", "line"], "expected vlp bench execution with them"),
    ],
)
def test_bad_input_is_one_line(
    words: Sequence[str], said: str, data: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    given = [str(data) if word == "DATA" else word for word in words]
    assert main(bench(*given, "--out", tmp_path / "out", "--device", "cpu")) != 0
    err = [line for line in capfd.readouterr().err.splitlines() if line.startswith("vlp:")]
    assert len(err) == 1 and said in err[0]


def test_episodes_want_no_video(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "execution", "--video", "copy"]) == 2
    assert "expected vlp bench video with them" in capsys.readouterr().err


def test_weights_of_another_camera(weights: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    about = json.loads((weights / "scale.json").read_text())
    other = tmp_path / "other"

    shutil.copytree(weights, other)
    (other / "scale.json").write_text(json.dumps(about | {"size": [64, 64]}))
    larger = write(tmp_path / "data")
    assert main(bench("--video", other, "--data", larger, "--out", tmp_path / "out")) == 2
    assert "expected pictures of (64, 64)" in capfd.readouterr().err
