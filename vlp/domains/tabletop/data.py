"""Training data, made where the cache lacks them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from executors.tabletop import dagger, labels
from executors.tabletop.policy import SlotPolicy
from tasks.tabletop.demos.pictures import record_pictures
from tasks.tabletop.demos.played import record_played
from tasks.tabletop.demos.played_programs import record_played_programs
from tasks.tabletop.demos.rollouts import record
from video.tabletop.denoiser import SlotDenoiser
from video.tabletop.pipeline import denoise
from vlp.progress import Bar

STEPS_A_SHARD = 10_000
PICTURES_A_FILE = 4_000
LABELS_A_FILE = 10_000
CORRECTIONS_A_FILE = 3_500
CORRECTION_FILES = 40
"""Files of corrections trained on at most, the latest."""
PLAYED_A_FILE = 10_000
_SEEDS = {"pictures": 900_000, "labels": 800_000, "played": 700_000, "played_programs": 500_000}
"""First seeds of the data that are not rollouts; all lie below 1,000,000."""


@dataclass(frozen=True)
class Sizes:
    """How much data to make when there is none yet."""

    shards: int = 40
    pictures: int = 24
    labels: int = 12
    corrections: int = 6
    played: int = 12
    programs: int = 24


def shards(cache: Path, sizes: Sizes) -> list[Path]:
    """The rollouts in the cache, made where they are missing."""
    folder = cache / "rollouts"
    found = sorted(folder.glob("rollouts-*[0-9].npz"))
    if len(found) < sizes.shards:
        left = sizes.shards - len(found)
        with Bar("making rollouts", left * STEPS_A_SHARD) as bar:
            found = [record(folder, seed, STEPS_A_SHARD, bar.advance) for seed in range(sizes.shards)]
    return found


def _some(sources: list[Path], seed: int) -> list[Path]:
    """Six of the rollouts: a file of data need not see all of them."""
    chosen = np.random.default_rng(seed).choice(len(sources), min(6, len(sources)), replace=False)
    return [sources[k] for k in chosen]


def made(cache: Path, kind: str, count: int, sizes: Sizes) -> list[Path]:
    """`count` files or more of "pictures", "labels", "played" or "played_programs", made where they are
    missing; the first two from the rollouts."""
    found = sorted((cache / kind).glob(f"{kind}-*[0-9].npz"))
    if len(found) >= count:
        return found
    alone = {"played": record_played, "played_programs": record_played_programs}
    sources = [] if kind in alone else shards(cache, sizes)
    each = {"pictures": PICTURES_A_FILE, "labels": LABELS_A_FILE}.get(kind, PLAYED_A_FILE)
    with Bar(f"making {kind}", (count - len(found)) * each) as bar:
        for i in range(count):
            path, seed = cache / kind / f"{kind}-{i:03d}.npz", _SEEDS[kind] + i
            if kind in alone:
                alone[kind](path, seed, each, bar.advance)
            elif kind == "pictures":
                record_pictures(path, seed, each, _some(sources, i), tick=bar.advance)
            else:
                labels.record_labels(path, seed, each, _some(sources, i), bar.advance)
    return sorted((cache / kind).glob(f"{kind}-*[0-9].npz"))


def corrections(cache: Path, sizes: Sizes) -> list[Path]:
    """Labels where the policy itself goes. Each run that goes on from trained weights adds a round of them;
    the latest rounds are kept."""
    folder, weights = cache / "corrections", cache / "policy" / "weights"
    found = sorted(folder.glob("corrections-*[0-9].npz"))
    if not weights.is_dir():
        return found
    policy, sources, imagine = SlotPolicy.from_pretrained(weights), shards(cache, sizes), _imagine(cache)
    first = int(found[-1].stem.split("-")[1]) + 1 if found else 0
    with Bar("making corrections", sizes.corrections * CORRECTIONS_A_FILE) as bar:
        for i in range(first, first + sizes.corrections):
            path, some = folder / f"corrections-{i:03d}.npz", _some(sources, i)
            dagger.record_corrections(
                path, policy, 850_000 + i, CORRECTIONS_A_FILE, some, imagine, bar.advance
            )
            found.append(path)
    return found[-CORRECTION_FILES:]


def _imagine(cache: Path) -> dagger.Imagine | None:
    """The trained video model on slots alone, if there is one."""
    if not (cache / "denoiser" / "weights").is_dir():
        return None
    denoiser = SlotDenoiser.from_pretrained(cache / "denoiser" / "weights").eval()

    def imagine(first: dagger.Slots, text: str, seed: int) -> dagger.Slots:
        return np.asarray(denoise(denoiser, torch.from_numpy(first)[None], [text], [seed])[0].numpy())

    return imagine
