"""Training as the command does it: go on from a weights folder, export, count the effort."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tasks.tabletop.demos.rollouts import record
from video.tabletop.denoiser import SlotDenoiser
from vlp import progress
from vlp.domains.tabletop import data as training_data
from vlp.domains.tabletop.data import Sizes
from vlp.domains.tabletop.jobs import train
from vlp.errors import UsageError
from vlp.models.weights import BUNDLED
from vlp.train.card import write_card


def test_a_run_goes_on_from_a_weights_folder_and_exports(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    cache, out = tmp_path / "cache", tmp_path / "out"
    record(cache / "rollouts", 0, 300)
    done = train(
        "video",
        minutes=0.002,
        cache=cache,
        start=BUNDLED,
        export=out,
        learning_rate=1e-6,
        sizes=Sizes(shards=1),
        report=lambda _: None,
    )
    assert done["samples"] > 0 and len(done["runs"]) == 1
    before = SlotDenoiser.from_pretrained(BUNDLED / "denoiser").state_dict()
    after = SlotDenoiser.from_pretrained(out / "denoiser").state_dict()
    assert max(float((before[name] - after[name]).abs().max()) for name in before) < 1e-2
    kept = json.loads((tmp_path / "results" / "training" / "video.json").read_text(encoding="utf-8"))
    assert kept["samples"] == done["samples"]
    assert "--start" in (out / "denoiser" / "MODEL_CARD.md").read_text(encoding="utf-8")


def test_what_takes_long_says_how_far_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Making the data as well as the training, on stderr; stdout keeps the training's own lines."""
    monkeypatch.setattr(training_data, "STEPS_A_SHARD", 150)
    monkeypatch.setattr(training_data, "PICTURES_A_FILE", 40)
    monkeypatch.setattr(progress, "LINE_SECONDS", 0.0)
    sizes = Sizes(shards=2, pictures=1)
    done = train("renderer", minutes=0.005, device="cpu", cache=tmp_path, sizes=sizes)
    assert done["samples"] > 0
    said, told = capsys.readouterr().err, ("making rollouts", "making pictures", "training renderer")
    for name in told:
        lines = re.findall(rf"^{name}: (\d+) %, time left (not known yet|[\d.]+ min)$", said, re.M)
        assert lines and [int(share) for share, _ in lines] == sorted(int(share) for share, _ in lines)
        assert re.search(rf"^{name} .*100%", said, re.M)
    assert [said.index(name) for name in told] == sorted(said.index(name) for name in told)
    train("renderer", minutes=0.005, device="cpu", cache=tmp_path, sizes=sizes)
    assert "making" not in capsys.readouterr().err  # nothing is made again


def test_a_card_tells_the_command_of_each_run(tmp_path: Path) -> None:
    runs = [
        {"minutes": 2.5, "learning_rate": 0.003, "samples": 1000, "device": "cuda"},
        {"minutes": 4.0, "learning_rate": 0.001, "samples": 3000, "start": "vlp/bundled"},
    ]
    record = {"part": "video", "parameters": 5, "data": "none", "samples": 3000, "steps": 3, "seconds": 390}
    (tmp_path / "denoiser").mkdir()
    write_card(tmp_path / "denoiser", record | {"config": {"muon": True, "minutes": 4.0}, "runs": runs})
    card = (tmp_path / "denoiser" / "MODEL_CARD.md").read_text(encoding="utf-8")
    assert "`vlp train video --minutes 2.5 --learning-rate 0.003 --device cuda`: 1,000 samples" in card
    assert "`vlp train video --minutes 4 --learning-rate 0.001 --start vlp/bundled`: 3,000 samples" in card


def test_weights_to_go_on_from_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="expected trained weights in"):
        train("video", minutes=1, cache=tmp_path, start=tmp_path / "none")
    assert not list(tmp_path.iterdir())  # said before any data are made
