"""Saved parts: safetensors in bf16, and settings that tell nothing of the machine."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

SETTINGS: Final = "config.json"
FROM: Final = "_name_or_path"
"""Where diffusers and transformers keep the folder that a part was once read from."""


def save(part: Any, folder: Path) -> None:
    """Write a model of diffusers or transformers, which stays float."""
    part.bfloat16().save_pretrained(folder)
    part.float()
    told = json.loads((folder / SETTINGS).read_text(encoding="utf-8"))
    if told.pop(FROM, None) is not None:
        (folder / SETTINGS).write_text(json.dumps(told, indent=2, sort_keys=True) + "\n", encoding="utf-8")
