"""`python -m vlp.evaluate.tabletop.camera`: cameras that are not ours, and what is taken for one but is none.

Writes results/camera.json: shares with 95% Wilson intervals, on boards that were pushed about.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from tasks.tabletop.seeing.encoder import SlotEncoder
from tasks.tabletop.world.camera import BOARD, Camera
from video.tabletop.renderer import SlotRenderer
from vlp.bench.stats import share
from vlp.domains.tabletop.view import BoardView
from vlp.evaluate import FIRST_SEED
from vlp.evaluate.common import run_main, write
from vlp.evaluate.tabletop.spoiled import GOOD, WRONG, Boards, Spoil, with_hand
from vlp.models.weights import BUNDLED

COVERS: Final = "something covers the board"


@dataclass(frozen=True)
class CameraOptions:
    """Options of the measurement."""

    boards: int = 300
    """For each row."""
    first_seed: int = FIRST_SEED
    weights: Path = BUNDLED
    out: Path = Path("results")
    """Folder of camera.json."""


def said(view: BoardView, camera: Camera, spoil: Spoil, options: CameraOptions) -> list[str]:
    """What is wrong with each picture, in words; empty where nothing is."""
    boards, found = Boards(camera), []
    try:
        for seed in range(options.first_seed, options.first_seed + options.boards):
            seen = boards.seen(seed)
            picture = spoil(seen["rgb"], np.random.default_rng([seed, 1]))
            fault = view.fault({**seen, "rgb": np.ascontiguousarray(picture)})
            found.append("" if fault is None else fault[1])
    finally:
        boards.close()
    return found


def main(options: CameraOptions) -> None:
    """Measure all rows."""
    view = BoardView(
        SlotEncoder.from_pretrained(options.weights / "perception").eval(),
        SlotRenderer.from_pretrained(options.weights / "renderer").eval(),
    )
    alarms = {name: said(view, BOARD, spoil, options) for name, spoil in GOOD.items()}
    wrong = {name: said(view, camera, spoil, options) for name, (camera, spoil) in WRONG.items()}
    hands = said(view, BOARD, with_hand, options)
    write("camera", {
        "first_seed": options.first_seed,
        "limits": vars(view.config),
        "found": {name: share([bool(words) for words in rows]) for name, rows in wrong.items()},
        "found_as": {name: dict(Counter(kind(words) for words in rows)) for name, rows in wrong.items()},
        "false_alarms": {name: share([bool(words) for words in rows]) for name, rows in alarms.items()},
        "false_alarms_as": {name: [w for w in rows if w][:5] for name, rows in alarms.items()},
        "hand": {
            "said to cover the board": share([COVERS in words for words in hands]),
            "said to be something else": share([bool(w) and COVERS not in w for w in hands]),
            "as": dict(Counter(kind(words) for words in hands)),
        },
    }, options.out)  # fmt: skip


def kind(words: str) -> str:
    """Which fault it is, without its figures."""
    for name in (COVERS, "turned, tilted", "pixels", "off in colour", "edges", "pusher", "another camera"):
        if name in words:
            return {"pixels": "shifted", "turned, tilted": "turned, tilted or of another size"}.get(
                name, name
            )
    return words and "another fault"


if __name__ == "__main__":
    run_main(main, CameraOptions)
