"""Weights of an image-text-to-text model, whole or as adapters on another's."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from transformers import AutoModelForImageTextToText

ADAPTER = "adapter_config.json"


def load_model(source: str) -> Any:
    """From a folder or repository, or from a folder of adapters, which are merged into their base.
    Safetensors only, no code of its own. Raises whatever transformers, peft and safetensors raise."""
    adapter = Path(source) / ADAPTER
    if not adapter.is_file():
        return _load(source)
    from peft import PeftModel

    if not (Path(source) / "adapter_model.safetensors").is_file():  # peft itself would take a pickled one
        raise OSError(f"expected adapter_model.safetensors in {source}, got none")
    base = str(json.loads(adapter.read_text(encoding="utf-8"))["base_model_name_or_path"])
    return PeftModel.from_pretrained(_load(base), source, use_safetensors=True).merge_and_unload()


def _load(source: str) -> Any:
    return AutoModelForImageTextToText.from_pretrained(
        source, use_safetensors=True, trust_remote_code=False, dtype="auto"
    )
