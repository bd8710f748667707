"""docs/figures.md is what the files of results say, not typed in by hand."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT
from vlp.evaluate.facts import Facts
from vlp.evaluate.figures import TEMPLATE, FiguresOptions, main, page, with_table

README = "<!-- figures -->\n<!-- /figures -->\n"


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """A copy of the results, to be changed."""
    kept = shutil.ignore_patterns("*.html", "*.png")
    return Path(shutil.copytree(ROOT / "results", tmp_path / "results", ignore=kept))


def _change(path: Path, change: Callable[[Any], None]) -> None:
    result = json.loads(path.read_text(encoding="utf-8"))
    change(result)
    path.write_text(json.dumps(result), encoding="utf-8")


def test_the_page_is_that_of_the_results() -> None:
    written = (ROOT / "docs" / "figures.md").read_text(encoding="utf-8")
    assert page(ROOT / "results") == written, "python -m vlp.evaluate.figures writes it"


def test_no_number_is_typed_into_the_template() -> None:
    text = TEMPLATE.read_text(encoding="utf-8")
    claims = [
        said for line in re.findall(r"\{\{.*?\}\}", text) for said in re.findall(r'claim\("(.*?)"', line)
    ]
    prose = re.sub(r"\{\{.*?\}\}|\{%.*?%\}", "", text)
    assert len(claims) > 5
    for said in [*prose.splitlines(), *claims]:
        assert not re.search(r"\d", re.sub(r"`[^`]*`|\]\([^)]*\)", "", said)), said


def test_changed_results_change_table_and_readme(results: Path) -> None:
    _change(results / "pushes.json", lambda result: result["push_succeeds"].update(share=0.123))
    assert "12% [92, 99], n=100 | **no**" in page(results)
    assert "12% [92, 99], n=100 | **no**" in with_table(README, results)


def test_changed_results_change_the_prose(results: Path) -> None:
    def dearer(result: Any) -> None:
        steps = result["tasks"]["line"]["ours_minus"]["random-value"]["steps_to_complete"]
        steps.update(mean=-777.0, interval_95=[-888.0, -666.0])

    _change(results / "methods.json", dearer)
    assert "lines take 777 [666, 888] more steps" in page(results)


def test_a_sentence_that_results_no_longer_bear_out_stops_the_command(results: Path) -> None:
    def lost(result: Any) -> None:
        result["tasks"]["line"]["methods"]["best-of-n"]["complete"]["share"] = 0.5

    _change(results / "methods.json", lost)
    with pytest.raises(ValueError, match="no longer say '`best-of-n` completes all boards"):
        page(results)


def test_what_no_experiment_says_is_not_quoted() -> None:
    facts = Facts(ROOT / "results")
    assert facts.quote("rank correlation 0.15") == "rank correlation 0.15"
    with pytest.raises(ValueError, match=r"rank correlation 0\.99"):
        facts.quote("rank correlation 0.99")


def test_a_figure_that_was_not_measured_says_so(results: Path) -> None:
    (results / "pushes.json").unlink()
    assert "| one push in words, imagined and acted | >= 85% | not measured | **no** |" in with_table(
        README, results
    )


def test_results_that_are_not_there_are_one_line_and_nothing_is_written(
    results: Path, tmp_path: Path
) -> None:
    readme = tmp_path / "README.md"
    readme.write_text(README, encoding="utf-8")
    (results / "methods.json").unlink()
    with pytest.raises(SystemExit, match=r"^figures: .*methods\.json"):
        main(FiguresOptions(results, readme, tmp_path / "figures.md"))
    assert readme.read_text(encoding="utf-8") == README and not (tmp_path / "figures.md").exists()


def test_a_readme_without_marks_is_refused(results: Path) -> None:
    with pytest.raises(ValueError, match="expected <!-- figures -->"):
        with_table("no marks", results)
