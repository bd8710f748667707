"""Weights are used only when they are, bit for bit, what the manifest names."""

from __future__ import annotations

import json
import pickle
import shutil
from pathlib import Path

import pytest

from vlp.errors import WeightsError
from vlp.models.weights import BASELINES, BUNDLED, MANIFEST, PARTS, baseline, verify, write_manifest


def refused(folder: Path) -> str:
    with pytest.raises(WeightsError) as error:
        verify(folder)
    message = str(error.value)
    assert "expected" in message and "got" in message and "\n" not in message
    return message


def test_bundled_weights_are_whole_and_small() -> None:
    hashes = verify(BUNDLED)
    assert set(hashes) == set(PARTS)
    assert sum(path.stat().st_size for path in BUNDLED.rglob("*") if path.is_file()) <= 64_000_000


def test_hashes_of_whole_weights(weights: Path) -> None:
    hashes = verify(weights)
    assert set(hashes) == set(PARTS)
    assert all(set(files) == {"config.json", "model.safetensors"} for files in hashes.values())
    assert hashes == write_manifest(weights)


def test_missing_folder(tmp_path: Path) -> None:
    assert "nowhere" in refused(tmp_path / "nowhere")


def test_missing_part(weights: Path) -> None:
    shutil.rmtree(weights / "policy")
    assert "policy" in refused(weights)


@pytest.mark.parametrize("name", ["config.json", "model.safetensors"])
def test_missing_file(weights: Path, name: str) -> None:
    (weights / "vlm" / name).unlink()
    assert name in refused(weights)


def test_truncated_file(weights: Path) -> None:
    path = weights / "denoiser" / "model.safetensors"
    whole = path.read_bytes()
    path.write_bytes(whole[:-7])
    message = refused(weights)
    assert f"{len(whole)} bytes" in message and str(len(whole) - 7) in message


@pytest.mark.parametrize("name", ["config.json", "model.safetensors"])
def test_flipped_bit(weights: Path, name: str) -> None:
    path = weights / "judge" / name
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    assert "SHA-256" in refused(weights)


@pytest.mark.parametrize(
    "name", ["pytorch_model.bin", "model.pt", "model.PKL", "last.ckpt", "deep/model.pth"]
)
def test_pickle(weights: Path, name: str) -> None:
    path = weights / "renderer" / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(pickle.dumps({}))
    assert "pickle" in refused(weights)
    with pytest.raises(WeightsError, match="pickle"):
        write_manifest(weights)


def test_pickle_under_another_name(weights: Path) -> None:
    (weights / "renderer" / "model.safetensors").write_bytes(pickle.dumps({"weight": [0] * 100}))
    refused(weights)
    with pytest.raises(WeightsError, match="safetensors format"):
        write_manifest(weights)


def test_file_that_is_not_listed(weights: Path) -> None:
    shutil.copy(weights / "judge" / "model.safetensors", weights / "judge" / "other.safetensors")
    assert "other.safetensors" in refused(weights)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"judge": 3}', "\x00"])
def test_broken_manifest(weights: Path, text: str) -> None:
    (weights / MANIFEST).write_text(text)
    refused(weights)


def test_manifest_without_weights(weights: Path) -> None:
    entry: dict[str, dict[str, str]] = {"sha256": {}, "bytes": {}}
    (weights / MANIFEST).write_text(json.dumps(dict.fromkeys(PARTS, entry)))
    refused(weights)


def test_model_card_may_change(weights: Path) -> None:
    (weights / "judge" / "README.md").write_text("a card")
    verify(weights)


def test_baselines_may_be_missing_but_not_changed(weights: Path) -> None:
    first, second = BASELINES
    shutil.rmtree(weights / first)
    with pytest.raises(WeightsError, match=first):
        verify(weights)  # the manifest still names it
    write_manifest(weights)
    assert set(verify(weights)) == set(PARTS) - {first}
    with pytest.raises(WeightsError, match=f"expected the baseline {first}"):
        baseline(weights, first)
    assert baseline(weights, second) == weights / second
    (weights / second / "config.json").write_text("[]")
    with pytest.raises(WeightsError, match=second):
        verify(weights)
