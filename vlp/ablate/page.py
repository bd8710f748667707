"""ablation.html: the table, the plot, the paper's figures and the films; it needs no other file."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from vlp.ablate.films import DecisionFilm
from vlp.ablate.table import headers, notes, rows
from vlp.bench.episode import Episode

_PAGES = Environment(
    loader=FileSystemLoader(Path(__file__).parent),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def write_page(
    found: Mapping[str, Any], plot: Path, shown: Sequence[tuple[Episode, Sequence[DecisionFilm]]], path: Path
) -> None:
    """Write the page to `path`.

    found: the result with the summary of `vlp.ablate.summary.summary`; plot: a PNG; shown: boards, each with
    a film of every variant.
    """
    html = _PAGES.get_template("page.html.jinja").render(
        found=found,
        headers=headers(found),
        rows=list(rows(found)),
        notes=notes(found),
        plot="data:image/png;base64," + base64.b64encode(plot.read_bytes()).decode("ascii"),
        boards=shown,
    )
    partial = path.with_suffix(".partial")
    partial.write_text(html, encoding="utf-8")
    partial.replace(path)
