"""Model cards: what a bundled part is, what made it, how good it is."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_WHAT = {
    "perception": (
        "Slot encoder: a picture of the board to the places and turns of 16 block kinds and the pusher."
    ),
    "judge": (
        "A second slot encoder, smaller and trained apart, used only to judge imagined frames in evaluations."
    ),
    "renderer": "Sprite renderer: slots to pictures; the decoder of the video model.",
    "denoiser": (
        "Latent video diffusion transformer: words, first slots and noise "
        "to motions of slots (flow matching)."
    ),
    "policy": (
        "Goal-conditioned inverse dynamics: the board now and the board wanted to the next two actions."
    ),
    "whole_denoiser": (
        "As denoiser, but told whole long tasks and no subgoals (in the way of UniPi): what the planner is "
        "compared to, not a part of it."
    ),
    "language_policy": (
        "Words and the board to the next action: what the planner is compared to, not a part of it."
    ),
    "programs": (
        "Relations of a program and the slots of a board to the next push, where to, and steps-to-go: a "
        "transformer over blocks and relations."
    ),
    "vlm": "Small PaliGemma with the slot encoder as its vision tower: next subgoals and steps-to-go.",
}
_FIGURES = {
    "perception": "perception",
    "judge": "perception",
    "renderer": "imagined",
    "denoiser": "imagined",
    "policy": "following",
    "vlm": "vlm",
    "programs": "programs",
}


def _settings(config: Mapping[str, Any]) -> dict[str, Any]:
    """What is the same for all of a model's runs."""
    return {name: value for name, value in config.items() if name not in ("minutes", "learning_rate")}


def _command(part: str, run: Mapping[str, Any]) -> str:
    more = "".join(f" --{name} {run[name]}" for name in ("start", "device") if name in run)
    return f"`vlp train {part} --minutes {run['minutes']:g} --learning-rate {run['learning_rate']:g}{more}`"


def _figures(part: str) -> str:
    if part not in _FIGURES:
        return "`vlp bench execution`, see docs/bench.md"
    return f"results/{_FIGURES[part]}.json, made by `python -m vlp.evaluate.tabletop.{_FIGURES[part]}`"


def write_card(folder: Path, record: Mapping[str, Any]) -> None:
    """Write MODEL_CARD.md beside the weights, from the training record."""
    part = folder.name
    lines = [
        f"# {part}",
        "",
        _WHAT[part],
        "",
        f"- Parameters: {record['parameters']:,}",
        f"- Data: {record['data']}; simulator seeds 0..999,999 only",
        f"- Effort: {record['samples']:,} samples in {record['steps']:,} steps, {record['seconds']} s",
        f"- Settings: `{json.dumps(_settings(record['config']))}`",
        *(f"- {_command(record['part'], run)}: {run['samples']:,} samples by then" for run in record["runs"]),
        f"- Held-out figures: {_figures(part)}",
        "- Made from scratch by this repository's own commands; no outside weights or data. Apache-2.0.",
        "- Limits: knows this board, these blocks and this camera only.",
    ]
    (folder / "MODEL_CARD.md").write_text("\n".join(lines) + "\n", encoding="utf-8")
