"""`python -m vlp.evaluate.figures`: docs/figures.md and the README's table, written from results/."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from vlp.evaluate import facts, rows, table
from vlp.evaluate.common import run_main

TEMPLATE = Path(__file__).parent / "figures.md.jinja"
_MARKS = "<!-- figures -->", "<!-- /figures -->"
_PAGES = Environment(
    loader=FileSystemLoader(TEMPLATE.parent),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
)
_PAGES.filters.update(
    count_of=facts.count,
    percent_of=facts.whole_percent,
    whole=facts.whole,
    dearer_than=facts.dearer,
)


@dataclass(frozen=True)
class FiguresOptions:
    """Options of the figures."""

    results: Path = Path("results")
    readme: Path = Path("README.md")
    """Its table of figures stands between two marks."""
    page: Path = Path("docs/figures.md")


def page(results: Path) -> str:
    """docs/figures.md. Raises ValueError for a sentence that the results no longer bear out."""
    told = facts.Facts(results)
    return _PAGES.get_template(TEMPLATE.name).render(
        load=told.load,
        log=told.log,
        quote=told.quote,
        claim=facts.claim,
        completed=facts.completed,
        count=facts.count,
        difference=facts.difference,
        apart=facts.apart,
        fewer=facts.fewer,
        by_width=facts.by_width,
        listed=facts.listed,
        always=facts.always,
        falling=facts.falling,
        aim=rows.AIM,
        bars=rows.BARS,
        figures=table.table(results),
        methods=table.methods(results / "methods.json"),
        ablations=table.ablations(results),
        bounds=table.methods(results / "bounds" / "summary.json"),
    )


def with_table(readme: str, results: Path) -> str:
    """The README with its table of figures. Raises ValueError where a mark is missing."""
    begin, end = _MARKS
    if readme.count(begin) != 1 or readme.count(end) != 1:
        raise ValueError(f"expected {begin} and {end} once each in the README, got another number of them")
    head, rest = readme.split(begin)
    return f"{head}{begin}\n{table.brief(results)}\n{end}{rest.split(end)[1]}"


def main(options: FiguresOptions) -> None:
    """Write both, or neither. Exits with a line for results that are not there or say otherwise."""
    try:
        readme = with_table(options.readme.read_text(encoding="utf-8"), options.results)
        text = page(options.results)
        options.page.write_text(text, encoding="utf-8")
        options.readme.write_text(readme, encoding="utf-8")
    except (OSError, ValueError) as error:
        sys.exit(f"figures: {error}")


if __name__ == "__main__":
    run_main(main, FiguresOptions)
