"""The bundled weights: nothing is loaded that is not, bit for bit, what the manifest names.

A weights folder holds one folder a part and manifest.json:
{part: {"sha256": {file: hash}, "bytes": {file: size}}}.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from vlp.errors import WeightsError

LANGUAGE_POLICY: Final = "language_policy"
WHOLE_DENOISER: Final = "whole_denoiser"
BASELINES: Final = (LANGUAGE_POLICY, WHOLE_DENOISER)
"""What the planner is compared to, see docs/bench.md; a weights folder may do without."""
PROGRAMS: Final = "programs"
"""What carries out programs of relations; nothing else runs on it."""
PARTS: Final = ("perception", "judge", "renderer", "denoiser", "policy", "vlm", PROGRAMS, *BASELINES)
PLANNER: Final = tuple(part for part in PARTS if part not in (PROGRAMS, *BASELINES))
"""What the agent runs on, and its judge."""
BUNDLED: Final = Path(__file__).parents[1] / "bundled"
MANIFEST: Final = "manifest.json"

Hashes = dict[str, dict[str, str]]
"""Part -> file -> SHA-256 in hexadecimal digits."""

_LOADED: Final = (".safetensors", ".json")
"""Endings of files that loading reads; a model card may change."""
_PICKLES: Final = (".bin", ".pt", ".pth", ".pkl", ".pickle", ".ckpt")
_CHUNK: Final = 1 << 20
_ADVICE: Final = "restore it with git, or make it again with vlp train --export"


def verify(folder: Path = BUNDLED) -> Hashes:
    """The hashes of a weights folder, each checked against the manifest.

    Raises WeightsError for a folder or file that is missing, cut short, changed, not listed or a pickle.
    """
    manifest = _read_manifest(folder)
    there = [part for part in BASELINES if part in manifest or (folder / part).is_dir()]
    needed = [part for part in PARTS if part not in BASELINES or part in there]
    return {part: _verify_part(folder / part, manifest.get(part)) for part in needed}


def baseline(folder: Path, part: str) -> Path:
    """The folder of a baseline's weights. Raises WeightsError where a weights folder has none."""
    if not (folder / part).is_dir():
        raise WeightsError(f"weights: expected the baseline {part} in {folder}, got none; {_ADVICE}")
    return folder / part


def write_manifest(folder: Path) -> Hashes:
    """Hash the parts of a folder that are there and write its manifest.json; returns the hashes.

    Raises WeightsError where a part holds a pickle, or a .safetensors file that is none.
    """
    hashes: Hashes = {}
    entries: dict[str, dict[str, dict[str, Any]]] = {}
    for part in (part for part in PARTS if (folder / part).is_dir()):
        paths = _files(folder / part)
        for path in paths:
            _check_safetensors(path)
        hashes[part] = {path.name: _hash(path) for path in paths}
        entries[part] = {"sha256": hashes[part], "bytes": {path.name: path.stat().st_size for path in paths}}
    partial = folder / f"{MANIFEST}.partial"
    partial.write_text(json.dumps(entries, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    partial.replace(folder / MANIFEST)
    return hashes


def _read_manifest(folder: Path) -> Mapping[str, Any]:
    if not folder.is_dir():
        raise WeightsError(f"weights: expected a folder, got {folder}, which is not there; check --weights")
    path = folder / MANIFEST
    try:
        manifest = json.loads(path.read_bytes())
        if not isinstance(manifest, dict):
            raise ValueError("not an object")
    except OSError as error:
        raise WeightsError(f"weights: expected {path}, got {error.strerror}; {_ADVICE}") from error
    except ValueError as error:
        raise WeightsError(
            f"weights: expected JSON in {path}, got something else ({error}); {_ADVICE}"
        ) from error
    return manifest


def _verify_part(folder: Path, entry: Any) -> dict[str, str]:
    try:
        hashes, sizes = dict(entry["sha256"]), dict(entry["bytes"])
    except (TypeError, KeyError, ValueError):
        raise WeightsError(
            f"weights: expected {folder.name} in {folder.parent / MANIFEST}, got no such entry; {_ADVICE}"
        ) from None
    if not any(name.endswith(".safetensors") for name in hashes):
        raise WeightsError(
            f"weights: expected a .safetensors file of {folder.name} in the manifest, got none; {_ADVICE}"
        )
    if not folder.is_dir():
        raise WeightsError(f"weights: expected the folder {folder}, got none; {_ADVICE}")
    unlisted = [path.name for path in _files(folder) if path.name not in hashes]
    if unlisted:
        raise WeightsError(
            f"weights: expected only files that the manifest names in {folder}, got {unlisted[0]}; "
            "move it away"
        )
    return {name: _verify_file(folder / name, sizes.get(name), hashes[name]) for name in sorted(hashes)}


def _verify_file(path: Path, size: object, expected: str) -> str:
    try:
        got = path.stat().st_size
        if got != size:
            raise WeightsError(f"weights: expected {size} bytes in {path}, got {got}; {_ADVICE}")
        found = _hash(path)
    except OSError as error:
        raise WeightsError(f"weights: expected the file {path}, got {error.strerror}; {_ADVICE}") from error
    if found != expected:
        raise WeightsError(
            f"weights: expected SHA-256 {expected:.12}... of {path}, got {found:.12}...; {_ADVICE}"
        )
    return found


def _files(folder: Path) -> list[Path]:
    """The files of a part that loading reads. Pickles are refused: loading one runs what it holds."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    for path in paths:
        if path.suffix.lower() in _PICKLES:
            raise WeightsError(
                f"weights: expected .safetensors files only, got the pickle {path}; remove or convert it"
            )
    return [path for path in paths if path.suffix.lower() in _LOADED]


def _check_safetensors(path: Path) -> None:
    """A pickle under another name has no header length and brace at its start."""
    with path.open("rb") as file:
        head = file.read(9)
    length = int.from_bytes(head[:8], "little")
    if path.suffix == ".safetensors" and (head[8:] != b"{" or length > path.stat().st_size - 8):
        raise WeightsError(
            f"weights: expected the safetensors format in {path}, got something else; save it again"
        )


def _hash(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def digest(hashes: Hashes, parts: Sequence[str] = PLANNER) -> str:
    """The hashes of some parts of a weights folder in one, 16 hexadecimal digits: what an episode does not
    run on may be trained on without running it again. Of a folder that has none of them, of all."""
    own = {part: files for part, files in hashes.items() if part in parts} or dict(hashes)
    return hashlib.sha256(json.dumps(own, sort_keys=True).encode()).hexdigest()[:16]
