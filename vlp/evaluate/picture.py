"""The README's picture: one decision of a run, each acted subgoal as imagined and as then seen."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tyro
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from vlp.errors import UsageError
from vlp.evaluate.common import run_main
from vlp.record.decision import load_acted, load_decision
from vlp.record.filmstrip import PAPER, sheet, strip

GAP = 4
LINE = 22
"""Pixels of a line of words."""


@dataclass(frozen=True)
class PictureOptions:
    """Which decision, and where the picture goes."""

    run: tyro.conf.Positional[Path]
    """Run folder."""
    decision: tyro.conf.Positional[int]
    out: Path = Path("docs/plan.png")


def words(text: str, width: int) -> NDArray[np.uint8]:
    """A line of text as a picture uint8 [LINE, width, 3]."""
    picture = Image.new("RGB", (width, LINE), (PAPER,) * 3)
    ImageDraw.Draw(picture).text((4, 3), text, fill=(20, 20, 20), font=ImageFont.load_default(15))
    return np.asarray(picture)


def main(options: PictureOptions) -> None:
    """Draw the picture."""
    folder = options.run / "decisions" / f"{options.decision:02d}"
    decision, acted = load_decision(folder), load_acted(folder)
    if decision.plan is None or not acted:
        raise UsageError(f"expected a decision that was acted on, got {folder}; choose another number")
    rows = []
    width = strip(acted[0].imagined, gap=GAP).shape[1]
    for step, seen in zip(decision.plan, acted, strict=False):
        rows.append(
            words(f"imagined: {step.subgoal}, then {step.steps_to_go:.0f} control steps to go", width)
        )
        rows.append(strip(seen.imagined, gap=GAP))
        rows.append(words(f"seen while acting: {seen.outcome}", width))
        rows.append(strip(seen.real, gap=GAP))
    title = f"{decision.tree.goal}: {len(decision.tree.nodes)} clips imagined, this plan chosen"
    Image.fromarray(sheet([words(title, width), *rows])).save(options.out, optimize=True)
    print(options.out)


if __name__ == "__main__":
    run_main(main, PictureOptions)
