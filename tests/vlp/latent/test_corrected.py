"""`vlp collect --kind corrected` and what learns from it, on models that know nothing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from tasks.data.footage import read_footage
from tests.vlp.latent.conftest import SIZES
from video.latent.policy.network import NOTHING
from video.latent.policy.train import PolicyTraining, train_policy
from vlp.cli.collect import Collect
from vlp.cli.train import Train
from vlp.errors import UsageError
from vlp.evaluate.tabletop.told import ToldOptions
from vlp.evaluate.tabletop.told import main as told


def test_a_policy_is_corrected_and_learns_from_it(weights: Path, tmp_path: Path) -> None:
    out = tmp_path / "corrected"
    assert Collect(out=out, episodes=2, kind="corrected", models=weights, first_seed=4).run() == 0
    found = list(read_footage(out))
    assert len(found) == 2 and all(one.success and one.actions is not None for one in found)
    world = weights.parent
    run = PolicyTraining(
        data=[world.parent / "data"], world=world, sizes=SIZES, folder=tmp_path / "policy", minutes=5,
        steps=2, batch=8, corrected=[out],
    )  # fmt: skip
    before = (weights / "policy" / "diffusion_pytorch_model.safetensors").read_bytes()
    try:
        learned = train_policy(run, lambda _: None)
        assert list((world / "corrected").glob("*/latents/values.npy"))
        assert json.loads((tmp_path / "policy" / "record.json").read_text())["samples"] == 16
        with torch.no_grad():
            frame, words = torch.zeros(1, *learned.prior.config.size), torch.ones(1, 24, dtype=torch.long)
            assert learned(frame, frame, torch.tensor([NOTHING]), words).expected.isfinite().all()
    finally:
        (weights / "policy" / "diffusion_pytorch_model.safetensors").write_bytes(before)


def test_what_is_asked_wrongly_is_said_before_anything_is_made(weights: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    with pytest.raises(
        UsageError, match=r"models: expected --models PATH, whose policy is corrected, got none"
    ):
        Collect(out=out, episodes=1, kind="corrected").run()
    with pytest.raises(UsageError, match="models: expected none with --kind push, got one"):
        Collect(out=out, episodes=1, kind="push", models=weights).run()
    with pytest.raises(UsageError, match=r"corrected: expected the part world, .* or world-policy, got bc"):
        Train(part="bc", minutes=1, data=(tmp_path,), corrected=(tmp_path,)).run()
    with pytest.raises(UsageError, match="timelapse: expected the part world or world-vlm, got world-policy"):
        Train(part="world-policy", minutes=1, data=(tmp_path,), timelapse=(tmp_path,)).run()
    with pytest.raises(UsageError, match="own: expected the part world-vlm, got world"):
        Train(part="world", minutes=1, data=(tmp_path,), own=(tmp_path,)).run()
    with pytest.raises(UsageError, match="models: expected --models PATH, which acts by itself, got none"):
        Collect(out=out, episodes=1, kind="timelapse-own").run()
    with pytest.raises(UsageError, match="models: expected a VLM and what tells when a subgoal is over in"):
        Collect(out=out, episodes=1, kind="timelapse-own", models=weights).run()
    with pytest.raises(UsageError, match="models: expected none with --kind timelapse, got one"):
        Collect(out=out, episodes=1, kind="timelapse", models=weights).run()
    with pytest.raises(UsageError, match="families: expected kind play, push or corrected with them"):
        Collect(out=out, episodes=1, kind="timelapse", families=("block2block",)).run()
    with pytest.raises(UsageError, match="rolling: expected the part world, got world-vlm"):
        Train(part="world-vlm", minutes=1, data=(tmp_path,), rolling=1).run()
    with pytest.raises(UsageError, match="dynamics: expected the part world, got world-vlm"):
        Train(part="world-vlm", minutes=1, data=(tmp_path,), dynamics=1).run()
    with pytest.raises(UsageError, match="dynamics: expected 0 to 100000 minutes, got nan"):
        Train(part="world", minutes=1, data=(tmp_path,), dynamics=float("nan")).run()
    assert not out.exists()


def test_a_push_is_told_in_words_and_judged(
    weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that knows nothing does not succeed; what it did is kept, episode by episode."""
    monkeypatch.chdir(tmp_path)
    told(ToldOptions(weights=weights.resolve(), episodes=2, steps=4))
    told(ToldOptions(weights=weights.resolve(), episodes=1, steps=4, by="prior", name="told-prior"))
    assert json.loads((tmp_path / "results" / "told-prior.json").read_text())["outcomes"] == ["late"]
    kept = json.loads((tmp_path / "results" / "told-latent.json").read_text())
    assert kept["push_succeeds"]["of"] == 2 and kept["outcomes"] == ["late", "late"]
