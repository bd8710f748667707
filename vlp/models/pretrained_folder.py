"""Pretrained folder: what a folder that is given as a model is, told before it is loaded."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

from vlp.errors import WeightsError
from vlp.models.weights import MANIFEST, PARTS

_TRAINED_AS: Final = {"denoiser": "video", "whole_denoiser": "whole-video"}
"""Folder of a weights folder -> part of `vlp train`, where the names differ."""
_OWN_EYE: Final = "vlp_slot_vision"
"""The kind of vision model that only the bundled VLM has; a copy of its folder is known by it."""
_PROCESSORS: Final = ("preprocessor_config.json", "processor_config.json", "image_processor_config.json")
_TOKENIZERS: Final = ("tokenizer*", "*.tiktoken", "vocab*", "spiece.model", "sentencepiece*", "tekken.json")
_ADVICE: Final = "give a whole folder, such as save_pretrained of model and processor writes, or OWNER/NAME"


def check_vlm(option: str, source: str) -> None:
    """Raises WeightsError where `source` is a folder, but not of an image-text-to-text model of transformers
    in safetensors with its processor. Nothing is said of repositories."""
    if not (folder := Path(source)).is_dir():
        return
    _check_not_ours(option, folder)
    if (folder / "model_index.json").is_file():
        raise _not_one(option, "an image-text-to-text model of transformers", folder, "a diffusers pipeline")
    adapters = (folder / "adapter_config.json").is_file()
    weights = "adapter_model.safetensors" if adapters else "*.safetensors"
    _check_parts(
        option,
        "an image-text-to-text model of transformers and its processor",
        folder,
        {
            "config.json": adapters or (folder / "config.json").is_file(),
            weights: _any(folder, weights),
            f"image processor ({_PROCESSORS[0]} or {_PROCESSORS[1]})": _any(folder, *_PROCESSORS),
            "tokenizer (tokenizer.json)": _any(folder, *_TOKENIZERS),
        },
    )


def check_pipeline(option: str, source: str) -> None:
    """Raises WeightsError where `source` is a folder, but not of a diffusers pipeline with all that its
    model_index.json names, nor of adapters for one. Nothing is said of repositories."""
    from video.pretrained.pipeline import ADAPTERS, BASE

    if not (folder := Path(source)).is_dir():
        return
    _check_not_ours(option, folder)
    if (folder / BASE).is_file():
        _check_parts(
            option, "adapters of a diffusers pipeline", folder, {ADAPTERS: (folder / ADAPTERS).is_file()}
        )
        return
    if not (folder / "model_index.json").is_file() and (folder / "config.json").is_file():
        raise _not_one(option, "a diffusers pipeline", folder, "a single model")
    index = _read(folder / "model_index.json")
    named = [name for name, value in index.items() if isinstance(value, list) and any(value)]
    parts = {"model_index.json": (folder / "model_index.json").is_file()}
    _check_parts(
        option, "a diffusers pipeline", folder, parts | {f"{n}/": _any(folder / n, "*") for n in named}
    )


def _check_not_ours(option: str, folder: Path) -> None:
    part = _own_part(folder.resolve())
    if part is None:
        return
    name = _TRAINED_AS.get(part, part.replace("_", "-")) or "vlm"
    weights = "FOLDER" if part and folder.name != part else folder.parent if part else folder
    what = f"the {part} of a weights folder of vlp" if part else "a weights folder of vlp"
    use = f"give it as --weights {weights}, without --{option}"
    if option == "base":
        use = f"train it with vlp train {name} --start {weights}, without --base and --data"
    raise WeightsError(
        f"{option}: expected a pretrained model of transformers or diffusers, got {folder}, which is {what}; "
        f"{use}"
    )


def _own_part(folder: Path) -> str | None:
    """Which part of a weights folder it is, "" for such a folder itself, None for anything else."""
    if not {*PARTS}.isdisjoint(_read(folder / MANIFEST)):
        return ""
    if folder.name in PARTS and folder.name in _read(folder.parent / MANIFEST):
        return folder.name
    vision = _read(folder / "config.json").get("vision_config")
    return "vlm" if isinstance(vision, dict) and vision.get("model_type") == _OWN_EYE else None


def _check_parts(option: str, expected: str, folder: Path, there: dict[str, bool]) -> None:
    if lacking := [name for name, found in there.items() if not found]:
        raise WeightsError(
            f"{option}: expected {expected}, got {folder} without {', '.join(lacking)}; {_ADVICE}"
        )


def _not_one(option: str, expected: str, folder: Path, got: str) -> WeightsError:
    return WeightsError(f"{option}: expected {expected}, got {folder}, which holds {got}; {_ADVICE}")


def _any(folder: Path, *patterns: str) -> bool:
    return any(True for pattern in patterns for _ in folder.glob(pattern))


def _read(path: Path) -> dict[str, Any]:
    """The object in a JSON file; an empty one where there is none."""
    try:
        value = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}
