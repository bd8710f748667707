"""Training as the command does it: go on from a weights folder, export, count the effort."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tasks.rollouts import record
from video.denoiser import SlotDenoiser
from vlp.build import BUNDLED
from vlp.errors import UsageError
from vlp.training import train
from vlp.training_data import Sizes


def test_a_run_goes_on_from_a_weights_folder_and_exports(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    cache, out = tmp_path / "cache", tmp_path / "out"
    record(cache / "rollouts", 0, 300)
    done = train(
        "video",
        minutes=0.03,
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


def test_weights_to_go_on_from_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="expected trained weights in"):
        train("video", minutes=1, cache=tmp_path, start=tmp_path / "none")
    assert not list(tmp_path.iterdir())  # said before any data are made
