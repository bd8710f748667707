"""Peak memory of a piece of work, of this process or of the GPU it runs on."""

from __future__ import annotations

import resource
from pathlib import Path

import torch

_STATUS, _REFS = Path("/proc/self/status"), Path("/proc/self/clear_refs")


class PeakMemory:
    """Counts from when it is made; before it is read, what the work keeps must not be let go."""

    def __init__(self, device: str) -> None:
        self._cuda = device.startswith("cuda")
        self._own = False
        if self._cuda:
            torch.cuda.reset_peak_memory_stats()
            return
        try:
            _REFS.write_text("5", encoding="ascii")  # Linux: the peak is what is used now
            self._own = True
        except OSError:
            pass  # elsewhere the peak of the whole process so far has to do

    def gigabytes(self) -> float:
        """The peak since then, of the whole process: libraries and weights too."""
        if self._cuda:
            return round(torch.cuda.max_memory_allocated() / 1e9, 2)
        if self._own:
            for line in _STATUS.read_text(encoding="ascii").splitlines():
                if line.startswith("VmHWM:"):
                    return round(int(line.split()[1]) / 1e6, 2)
        return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6, 2)
