"""report.html: one page that shows a run to a person. It needs no network, no script and no other file but a
film that is too large to be in it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from executors.safety.files import replace_file
from vlp.events.types import Event, Searched, read_events
from vlp.record.decision import ActedSubgoal, Decision, load_acted, load_decision
from vlp.record.report.parts import COARSE, FINE, FINE_UP_TO, charts, decision_view, headline
from vlp.record.report.story import Player, links, parts, player, reasons

_PAGES = Environment(
    loader=FileSystemLoader(Path(__file__).parent),
    autoescape=True,  # an instruction may hold anything
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def render(
    result: Mapping[str, Any],
    events: Sequence[Event],
    decisions: Iterable[tuple[Decision, Sequence[ActedSubgoal]]],
    *,
    film: Player | None = None,
    files: Sequence[str] = (),
) -> str:
    """The page as HTML.

    result: see `vlp.record.folder.RunFolder.finish`; {} for a run that left none.
    decisions: each with what was acted on of it. Taken one by one: the clips of a run fill the memory.
    film, files: what is shown of the film, and what lies beside the page.
    """
    branches = sum(event.clips for event in events if isinstance(event, Searched))
    why = reasons(events)
    detail = FINE if branches <= FINE_UP_TO else COARSE
    return _PAGES.get_template("report.html.jinja").render(
        headline=headline(result, events),
        models=result.get("models") or {},
        parts=parts(result),
        film=film,
        files=files,
        charts=charts(events),
        decisions=[decision_view(decision, acted, detail, why) for decision, acted in decisions],
    )


def write_report(run: Path, result: Mapping[str, Any] | None = None) -> Path:
    """Write report.html into a run folder, from what lies there; also for a run that was broken off. Whoever
    looks finds none, the old page or the whole new one.

    result: what result.json will say; None: what it says. Raises ValueError where a record of the run cannot
    be read.
    """
    result_file, events_file = run / "result.json", run / "events.jsonl"
    if result is None:
        result = json.loads(result_file.read_text(encoding="utf-8")) if result_file.exists() else {}
    events = read_events(events_file) if events_file.exists() else []
    page = run / "report.html"
    replace_file(page, render(result, events, _decisions(run), film=player(run, events), files=links(run)))
    return page


def _decisions(run: Path) -> Iterator[tuple[Decision, list[ActedSubgoal]]]:
    folders = [file.parent for file in run.glob("decisions/*/tree.json")]
    for folder in sorted(folders, key=lambda path: int(path.name)):
        yield load_decision(folder), load_acted(folder)
