"""Rows of clips as figures with 95% intervals, and as a table for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from rich.table import Table
from scipy.stats import binomtest, bootstrap

from vlp.bench.video.frechet import WHAT, Features, frechet
from vlp.bench.video.measure import Measured, Row

MEANS: Final = ("psnr", "psnr_moved", "ssim", "inverse")
SHARES: Final = ("moves", "reached", "other_moves")
LEGEND: Final = {
    "psnr": "peak signal-to-noise ratio of all pixels of a clip, dB, mean over clips",
    "psnr_moved": "the same of pixels that are more than 25 of 255 from the first frame in the recording",
    "ssim": "structural similarity (Wang et al., 2004), 11x11 Gaussian window",
    "frechet": WHAT,
    "inverse": "explained by actions and predicted from them, share of the motion that differs: 0 the same "
    "clip again, 1 as if other pixels moved",
    "moves": "the thing that the words name moves most, by the world's judge; of clips that begin with "
    "their words",
    "reached": "what the words ask for holds in the last frame, by the same judge; clips cut before it is "
    "done count too, so the recording's own share is the bound",
    "other_moves": "told of another thing that is there, that one moves most",
}
_DRAWS: Final = 1000
_SETS: Final = 200
"""Draws for the Frechet distance, each of which costs a decomposition."""


def summary_of(measured: Measured, true: Features) -> dict[str, Any]:
    """Figures of one model, each with its interval and how many clips it is of."""
    found: dict[str, Any] = {name: mean_of(measured.rows, name) for name in MEANS}
    found |= {name: share_of(measured.rows, name) for name in SHARES}
    found["frechet"] = frechet_of(measured.features, true)
    if measured.clips_a_second:
        found |= {
            "clips_a_second": measured.clips_a_second,
            "peak_memory_gb": measured.peak_memory_gb,
        }
    return {name: value for name, value in found.items() if value is not None}


def mean_of(rows: Sequence[Row], name: str) -> dict[str, Any] | None:
    """Mean of a column with its bootstrap interval (Efron, 1979); None where no row has it."""
    values = np.array([row[name] for row in rows if row.get(name) is not None], float)
    if not len(values):
        return None
    low = high = float(values.mean())
    if len(values) > 1 and float(np.ptp(values)) > 0:
        found = bootstrap((values,), np.mean, n_resamples=_DRAWS, method="percentile", rng=0)
        low, high = (float(end) for end in found.confidence_interval)
    return {"mean": round(float(values.mean()), 4), "interval_95": [round(low, 4), round(high, 4)]} | {
        "of": len(values)
    }


def share_of(rows: Sequence[Row], name: str) -> dict[str, Any] | None:
    """Share of a column of flags with Wilson's interval (1927); None where no row has it."""
    flags = [bool(row[name]) for row in rows if row.get(name) is not None]
    if not flags:
        return None
    ends = binomtest(sum(flags), len(flags)).proportion_ci(method="wilson")
    share = round(sum(flags) / len(flags), 4)
    return {"share": share, "of": len(flags), "interval_95": [round(ends.low, 4), round(ends.high, 4)]}


def frechet_of(own: Features, true: Features) -> dict[str, Any] | None:
    """Distance with a basic bootstrap interval over the clips, since resampling alone makes it larger; None
    for fewer than two clips."""
    if len(own) < 2:
        return None
    scale = np.maximum(true.std(0), 1e-9)
    own, true = own / scale, true / scale
    value = frechet(own, true)

    def distance(index: Any) -> float:
        return frechet(own[index], true[index])

    numbers = (np.arange(len(own)),)
    found = bootstrap(
        numbers, distance, n_resamples=_SETS, vectorized=False, method="basic", rng=0
    ).confidence_interval
    ends = [round(max(0.0, float(found.low)), 4), round(max(0.0, float(found.high)), 4)]
    return {"value": round(value, 4), "interval_95": ends, "of": len(own)}


def table(models: Mapping[str, Mapping[str, Any]]) -> Table:
    """A row a model."""
    columns = ("psnr", "psnr_moved", "ssim", "frechet", "inverse", "moves", "reached", "other_moves")
    shown = Table("model", *columns, "clips/s", "GB", caption="brackets: 95% intervals")
    for name, row in models.items():
        cost = (row.get("clips_a_second"), row.get("peak_memory_gb"))
        shown.add_row(
            name,
            *(_cell(row.get(column)) for column in columns),
            *("-" if value is None else str(value) for value in cost),
        )
    return shown


def _cell(entry: Mapping[str, Any] | None) -> str:
    if entry is None:
        return "-"
    low, high = entry["interval_95"]
    if "share" in entry:
        return f"{100 * entry['share']:.0f}% [{100 * low:.0f}, {100 * high:.0f}]"
    value = entry["mean"] if "mean" in entry else entry["value"]
    return f"{value:.2f} [{low:.2f}, {high:.2f}]"
