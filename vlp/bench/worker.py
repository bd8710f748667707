"""Worker that runs episodes, in whichever process."""

from __future__ import annotations

from pathlib import Path

import torch
from transformers.utils.logging import disable_progress_bar

from vlp.agent.parts import Parts
from vlp.bench.episode import Episode
from vlp.bench.line import Line


class Worker:
    """Keeps the models between episodes.

    Args:
        weights: a weights folder.
        threads: that torch may use at most.
    """

    def __init__(self, weights: Path, threads: int) -> None:
        disable_progress_bar()  # of loading: the bench has its own, and a lock of it would outlive a worker
        torch.set_num_threads(min(torch.get_num_threads(), threads))
        self._weights = weights
        self._loaded: dict[tuple[str, int], Parts] = {}

    def run(self, episode: Episode) -> Line:
        """What was measured of an episode."""
        return episode.measure(self._parts(episode))

    def _parts(self, episode: Episode) -> Parts:
        """The trained parts; those of other settings are let go."""
        key = (episode.settings.device, episode.settings.sampling_steps)
        if key not in self._loaded:
            self._loaded.clear()
            self._loaded[key] = episode.build(self._weights)
        return self._loaded[key]
