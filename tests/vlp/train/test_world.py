"""`vlp train world`: what it shows and keeps while it trains, bad data, and runs that are broken off."""

from __future__ import annotations

import json
import os
import re
import signal
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from accelerate.tracking import GeneralTracker
from PIL import Image
from safetensors.torch import load_file

from tasks.data.inspection import inspect
from tasks.learning.trainer import TrainConfig, Trainer, TrainingMoment
from tasks.tabletop.demos.lerobot_write import LeRobotWriter, RecordedEpisode
from tests.conftest import ROOT
from tests.forked import Forks, Process
from tests.tiny import MOMENT
from tests.video.latent.conftest import WAYS, square, without_actions, write
from video.latent.bundle import LatentBundle
from video.latent.config import LatentConfig
from video.latent.films import averaged
from video.latent.split import split
from video.latent.store import load, pack
from vlp import progress
from vlp.cli.main import main
from vlp.models.source import Source
from vlp.train.plot import draw
from vlp.train.watching import Watching

SMALL = LatentConfig(
    frames=3, seconds=0.3, channels=8, encoder_widths=(8, 8, 16), decoder_widths=(8, 8, 16), width=64,
    layers=1, heads=4, text_layers=1, dynamics_widths=(8, 16, 16), flow_widths=(8, 8, 8), batch=4,
)  # fmt: skip


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """No curve is drawn but where it is looked at: that takes longer than such a training."""
    monkeypatch.setattr("vlp.train.world.PRESETS", {"nano": SMALL})
    monkeypatch.setattr("vlp.train.watching.draw", lambda *_: False)


def line(data: Path, cache: Path, *more: object, minutes: str | float = MOMENT) -> list[str]:
    words = ["train", "world", "--data", data, "--cache", cache, "--minutes", minutes, "--device", "cpu"]
    return [*map(str, words), *map(str, more)]


def said(capfd: pytest.CaptureFixture[str]) -> str:
    """The one line of an error."""
    told = [text for text in capfd.readouterr().err.splitlines() if text.startswith("vlp:")]
    assert len(told) == 1, told
    return told[0]


def test_a_sketch_is_trained_once_and_late_where_a_run_was_stopped_before_it(tmp_path: Path) -> None:
    data, folder = write(tmp_path / "data"), tmp_path / "cache/world/nano"
    assert main(line(data, tmp_path / "cache")) == 0
    kept = folder / "sketch/checkpoint.pt"
    first = kept.read_bytes()
    assert main(line(data, tmp_path / "cache")) == 0
    assert kept.read_bytes() == first
    for part in ("sketch", "transformer"):  # as it is once the autoencoder alone was trained
        (folder / part / "checkpoint.pt").unlink()
    assert main(line(data, tmp_path / "cache")) == 0
    assert kept.is_file()


def test_a_rolling_model_and_dynamics_are_trained_where_they_are_asked_for(tmp_path: Path) -> None:
    data, weights = write(tmp_path / "data"), tmp_path / "cache/world/nano/weights"
    assert main(line(data, tmp_path / "cache")) == 0
    assert not (weights / "rolling").exists()
    slow = write(tmp_path / "slow", fps=2)
    more = ("--corrected", data, "--timelapse", slow)
    assert main(line(data, tmp_path / "cache", "--rolling", MOMENT, *more)) == 0
    assert (weights / "rolling").is_dir() and (weights / "termination").is_dir()
    assert not (weights / "dynamics").exists()
    assert main(line(data, tmp_path / "cache", "--dynamics", MOMENT, "--flow", MOMENT, *more)) == 0
    assert all((weights / part).is_dir() for part in ("rolling", "termination", "dynamics", "flow"))


def test_a_training_begins_from_weights_of_another(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """All parts, with the words and scales that they were trained with; those of other sizes are refused."""
    data, first = write(tmp_path / "data"), tmp_path / "one/world/nano/weights"
    assert main(line(data, tmp_path / "one", "--no-whole", "--rolling", MOMENT)) == 0
    other = write(tmp_path / "other")
    more = ("--start", first, "--no-whole", "--rolling", MOMENT, "--learning-rate", 1e-9)
    assert main(line(other, tmp_path / "two", *more)) == 0
    found = tmp_path / "two/world/nano/weights"
    for part in ("autoencoder", "prior", "rolling"):
        old, new = (load_file(next((root / part).glob("*.safetensors"))) for root in (first, found))
        assert all(torch.allclose(old[name], new[name], atol=1e-3) for name in old), part
    assert (found / "scale.json").read_text() == (first / "scale.json").read_text()
    assert LatentBundle.load(found).exposure is not None
    assert main(line(other, tmp_path / "whole", "--start", first)) == 0
    assert (tmp_path / "whole/world/nano/weights/transformer").is_dir()
    # Of what was learned since, all but a share is kept as it was.
    kept = ("--start", first, "--no-whole", "--learning-rate", 1.0, "--keep")
    for name, share in (("all", 1.0), ("half", 0.5)):
        assert main(line(other, tmp_path / name, *kept, share)) == 0
    old = load_file(first / "prior/diffusion_pytorch_model.safetensors")
    whole, half = (
        load_file(tmp_path / f"{name}/world/nano/weights/prior/diffusion_pytorch_model.safetensors")
        for name in ("all", "half")
    )
    assert all(torch.equal(old[name], whole[name]) for name in old)
    assert not all(torch.equal(old[name], half[name]) for name in old)
    capfd.readouterr()
    monkeypatch.setattr("vlp.train.world.PRESETS", {"nano": replace(SMALL, width=32)})
    assert main(line(other, tmp_path / "three", *more)) != 0
    assert "expected weights of this preset and of such actions in --start, got others" in said(capfd)
    assert main(line(other, tmp_path / "four", "--start", tmp_path)) != 0
    assert "expected a model of `vlp train world`" in said(capfd)


def test_several_datasets_are_learned_from_together(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """The weights' source knows all of them; those of other pictures or another robot are refused before
    anything is packed."""
    one, other = write(tmp_path / "one"), without_actions(write(tmp_path / "other"))
    assert main(line(one, tmp_path / "cache", "--data", other)) == 0
    store = load(tmp_path / "cache/world/nano/store")
    assert len(store.start) == 16 and store.acted.sum() == len(store) / 2
    known, silent = inspect(one), inspect(other)
    assert known.about is not None and len(known.about.action_names) == 2
    assert Source.of(silent, known) == Source.of(known, silent) and not Source.of(silent).action_names
    slow = write(tmp_path / "slow", fps=2)
    capfd.readouterr()
    assert main(line(one, tmp_path / "bad", "--data", slow)) != 0
    assert "expected pictures of size and rate ((32, 32), 10.0) as in" in said(capfd)
    wide = write(tmp_path / "wide")
    about = json.loads((wide / "meta/info.json").read_text())
    about["features"]["action"]["names"] = ["other", "names"]
    (wide / "meta/info.json").write_text(json.dumps(about))
    assert main(line(one, tmp_path / "bad", "--data", wide)) != 0
    assert "got (2, ('other', 'names')) in" in said(capfd)
    assert not (tmp_path / "bad/world/nano/store").exists()
    cloned = ["train", "bc", "--world", "metaworld", *line(one, tmp_path / "bc", "--data", other)[2:]]
    assert main(cloned) == 2
    assert "data: expected one dataset for the part bc, got 2; give one" in said(capfd)


def test_the_order_of_what_was_said_is_that_of_the_data(tmp_path: Path) -> None:
    """Weights of the same data are the same, byte for byte, with what stands beside them."""
    words = [f"part {k}" for k in range(24)]
    with LeRobotWriter(tmp_path / "data", fps=10) as writer:
        writer.add(replace(square(np.random.default_rng(0), "go right"), subgoal=tuple(words)))
    assert list(inspect(tmp_path / "data").subtasks) == words


def test_what_is_seen_while_it_trains(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("vlp.train.watching.draw", draw)
    monkeypatch.setattr(progress, "LINE_SECONDS", 0.0)
    monkeypatch.setattr(
        "video.latent.part_training.TrainConfig", lambda **given: TrainConfig(report_seconds=0.2, **given)
    )
    assert main(line(write(tmp_path / "data"), tmp_path / "cache", minutes=0.03)) == 0
    err, folder = capsys.readouterr().err, tmp_path / "cache/world/nano"
    # In lines as it goes, or on a slow machine in the last one alone.
    told = r"training transformer.* \d+ ?%,? time left [\w.: ]+,? loss [\d.]+, [\d.]+ samples/s"
    assert re.search(told, err), err
    for part in ("autoencoder", "transformer"):
        rows = [json.loads(text) for text in (folder / part / "curve.jsonl").read_text().splitlines()]
        assert rows and all(row["loss"] > 0 and row["samples_a_second"] > 0 for row in rows)
        with Image.open(folder / part / "curve.png") as picture:
            assert picture.size == (800, 500)
    assert rows[-1]["held_out_loss"] > 0
    strips = sorted((folder / "filmstrips").iterdir())
    assert strips[-1].name == f"step-{rows[-1]['step']:07d}.png"
    with Image.open(strips[-1]) as sheet:
        assert sheet.size == (4 * 32, 2 * 6 * 32)  # first frame and three more; two rows a clip


def test_held_out_episodes_are_not_trained_on(tmp_path: Path) -> None:
    store = pack([write(tmp_path / "data")], tmp_path / "store", report=lambda _: None)
    own, held = split(store, 0.25)
    assert held is not None and len(own) == 6 * 24 and len(held) == 2 * 24
    np.testing.assert_array_equal(held.frames[np.arange(24)], store.frames[48:72])
    np.testing.assert_array_equal(own.frames[np.array([48, 0])], store.frames[[72, 0]])
    np.testing.assert_array_equal(own.start, np.arange(6) * 24)
    assert own.ends()[-1, 0] == len(own)
    shown = {frame.tobytes() for frame in held.frames[np.arange(len(held))]}
    assert len({frame.tobytes() for frame in own.frames[np.arange(len(own))]} & shown) < len(shown)


def test_looking_on_changes_nothing(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = torch.nn.Linear(3, 3)
    trainer = Trainer(model, lambda b: (model(b["x"]).square().mean(), {}), tmp_path, TrainConfig())
    for _ in range(5):
        trainer._update({"x": torch.randn(4, 3)})
    before = [p.detach().clone() for p in model.parameters()]
    seen: list[torch.Tensor] = []

    def look() -> dict[str, float]:
        assert not model.training
        seen.append(model.weight.detach().clone())
        return {"a": 1.0}

    assert averaged(trainer, look) == {"a": 1.0}
    assert model.training and not torch.equal(seen[0], before[0])  # the averaged weights were shown
    assert all(torch.equal(a, b) for a, b in zip(before, model.parameters(), strict=True))


class Kept(GeneralTracker):  # type: ignore[misc]
    """A tracker that keeps what it is told."""

    name, requires_logging_directory, main_process_only = "kept", False, True

    def __init__(self) -> None:
        super().__init__()
        self.told: list[tuple[dict[str, Any], int | None]] = []
        self.ended = False

    @property
    def tracker(self) -> None:
        return None

    def store_init_configuration(self, values: dict[str, Any]) -> None: ...

    def log(self, values: dict[str, Any], step: int | None = None, **_: Any) -> None:
        self.told.append((values, step))

    def finish(self) -> None:
        self.ended = True


def test_trackers_are_told(tmp_path: Path) -> None:
    kept: Any = Kept()
    with Watching(tmp_path, {"transformer": 1.0}, [kept]) as watching:
        watching.watch("transformer", TrainingMoment(7, 56, 1.0, 59.0, 56.0, {"loss": 0.5}))
    assert kept.told == [({"transformer/loss": 0.5, "transformer/samples_a_second": 56.0}, 7)]
    assert kept.ended


def test_a_tracker_that_is_not_there(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(line(write(tmp_path / "data"), tmp_path / "cache", "--track", "wandb")) == 2
    assert "track: expected the package wandb, got none" in said(capfd)


def test_a_plot_without_matplotlib(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [{"step": 1, "samples": 8, "loss": 0.5}]
    monkeypatch.setattr("vlp.train.plot.find_spec", lambda _: None)
    assert not draw(rows, tmp_path / "a.png") and not list(tmp_path.iterdir())


def nan(root: Path) -> Path:
    """A dataset, one of whose actions is no number."""
    for file in (root / "data").rglob("*.parquet"):
        table = pq.read_table(file)
        rows = table["action"].to_pylist()
        rows[30][1] = float("nan")
        column = pa.array(rows, table.schema.field("action").type)
        pq.write_table(table.set_column(table.schema.get_field_index("action"), "action", column), file)
    return root


def test_actions_that_are_no_numbers(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(line(nan(write(tmp_path / "data")), tmp_path / "cache")) != 0
    assert "expected 2 finite numbers a frame in column action" in said(capfd)
    assert not (tmp_path / "cache/world/nano/autoencoder").exists()  # before anything was trained


def test_a_dataset_without_actions_or_subgoals_trains_and_says_so(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    data = without_actions(write(tmp_path / "data"))
    assert main(line(data, tmp_path / "cache")) == 0
    out = capfd.readouterr().out
    assert "no actions in the data: video alone is learned" in out
    assert "no subgoals in the data: the tasks' own words are learned" in out
    assert (tmp_path / "cache/world/nano/weights/scale.json").is_file()


def few(root: Path, count: int, make: Callable[[RecordedEpisode], RecordedEpisode] = lambda e: e) -> Path:
    rng = np.random.default_rng(0)
    with LeRobotWriter(root, fps=10) as writer:
        for number in range(count):
            writer.add(make(square(rng, list(WAYS)[number % 2])))
    return root


def test_a_dataset_of_one_episode_trains_and_says_so(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(line(few(tmp_path / "data", 1), tmp_path / "cache")) == 0
    assert "one episode in the data: nothing is held out" in capfd.readouterr().out


def test_episodes_too_short_for_a_clip(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    def short(episode: RecordedEpisode) -> RecordedEpisode:
        cut = {name: value[:3] for name, value in vars(episode).items() if name in CUT}
        return replace(episode, **cut)

    assert main(line(few(tmp_path / "data", 2, short), tmp_path / "cache")) != 0
    assert "data: expected episodes of more than 3 frames, got none" in said(capfd)


CUT = ("rgb", "effector", "effector_target", "action", "blocks", "subgoal")


def larger(episode: RecordedEpisode) -> RecordedEpisode:
    return replace(episode, rgb=episode.rgb.repeat(2, 1).repeat(2, 2))


def test_held_out_pictures_of_another_size(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    other = few(tmp_path / "other", 2, larger)
    assert main(line(write(tmp_path / "data"), tmp_path / "cache", "--held-out", other)) != 0
    assert "expected a held-out dataset of pictures (32, 32, 3) at 10.0 a second" in said(capfd)


def test_a_held_out_dataset_is_shown(tmp_path: Path) -> None:
    other = few(tmp_path / "other", 2)
    assert main(line(write(tmp_path / "data"), tmp_path / "cache", "--held-out", other)) == 0
    assert list((tmp_path / "cache/world/nano/filmstrips").iterdir())


def test_a_cache_of_another_robot(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """The checkpoint was made for actions of another width: said before anything is trained."""
    data, cache = write(tmp_path / "data"), tmp_path / "cache"
    assert main(line(data, cache)) == 0
    path = cache / "world/nano/store/actions.npz"
    with np.load(path) as kept:
        columns = {name: kept[name] for name in kept.files}
    np.savez(path, **(columns | {"actions": np.zeros((len(columns["actions"]), 5), np.float32)}))
    capfd.readouterr()
    assert main(line(data, cache)) != 0
    assert "cache: expected a checkpoint of this model" in said(capfd)


SCRIPT = (
    "import sys; from vlp.cli.main import main; import vlp.train.world as w; "
    "from tests.vlp.train.test_world import SMALL; w.PRESETS = {'nano': SMALL}; "
    "w.EYE_SHARE = w.SKETCH_SHARE = 0.002; "
    "import video.latent.part_training as r; from tasks.learning.trainer import TrainConfig; "
    "r.TrainConfig = lambda **k: TrainConfig(checkpoint_seconds=0.5, **k); "
    "from tasks import signals; signals.handle(); sys.exit(main(sys.argv[1:]))"
)


LIMIT = (
    "import resource, signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN); "
    "resource.setrlimit(resource.RLIMIT_FSIZE, ({most}, {most})); "
)


def process(forks: Forks, words: list[str], most: int | None = None) -> Process:
    """The command; `most`: bytes that a file of it may have, as where a disk is full."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    limit = "" if most is None else LIMIT.format(most=most)
    return forks.begin(*words, folder=ROOT, environment=environment, code=limit + SCRIPT)


def until(path: Path, seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while not path.exists():
        assert time.monotonic() < end, f"{path} never came"
        time.sleep(0.05)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL], ids=["ctrl-c", "kill"])
def test_a_run_that_is_broken_off_goes_on(number: signal.Signals, forks: Forks, tmp_path: Path) -> None:
    data, cache = write(tmp_path / "data"), tmp_path / "cache"
    kept = cache / "world/nano/transformer/checkpoint.pt"
    begun = process(forks, line(data, cache, minutes=5))
    try:
        until(kept, 240)
        begun.send_signal(number)
        _, err = begun.communicate(timeout=60)
    finally:
        begun.kill()
    assert begun.returncode == (130 if number == signal.SIGINT else -signal.SIGKILL)
    assert number == signal.SIGKILL or "vlp: interrupted" in err.splitlines()
    state = torch.load(kept, weights_only=True)
    assert state["step"] > 0 and state["seconds"] > 0.4 and state["runs"][0]["samples"] == state["samples"]
    assert main(line(data, cache)) == 0
    assert torch.load(kept, weights_only=True)["step"] > state["step"]
    record = json.loads((cache / "world/nano/record.json").read_text())
    assert len(record["runs"]) == 2 and record["samples"] > state["samples"]


def test_a_disk_that_is_full_is_one_line(forks: Forks, tmp_path: Path) -> None:
    data, cache = write(tmp_path / "data"), tmp_path / "cache"
    assert main(line(data, cache)) == 0
    folder = cache / "world/nano"
    names = ("transformer/checkpoint.pt", "weights/scale.json")
    whole = {name: (folder / name).read_bytes() for name in names}
    _, err = (begun := process(forks, line(data, cache), most=200_000)).communicate(timeout=120)
    told = [text for text in err.splitlines() if text.startswith("vlp:")]
    assert begun.returncode == 1 and len(told) == 1 and "free some space" in told[0], err
    assert {name: (folder / name).read_bytes() for name in names} == whole
    assert not list(folder.rglob("*.partial"))
    assert main(line(data, cache)) == 0
