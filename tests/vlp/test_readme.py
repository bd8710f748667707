"""The README is short, its first screen comes first, and its figures are those of the results."""

from __future__ import annotations

import re

from tests.conftest import ROOT
from vlp.evaluate.figures import with_table

README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_readme_s_table_is_that_of_the_results() -> None:
    assert with_table(README, ROOT / "results") == README, "python -m vlp.evaluate.figures writes it"


def test_the_readme_is_read_in_a_few_minutes() -> None:
    assert len(README.split()) <= 700, "figures belong in docs/figures.md, commands in docs/commands.md"
    assert len(re.findall(r"^\|---", README, re.MULTILINE)) == 1


def test_the_readme_begins_with_what_it_is_and_how_to_run_it() -> None:
    first, *chapters = re.split(r"^## ", README, flags=re.MULTILINE)
    assert "make demo" in first and "make test" in first and "docs/plan.png" in first
    assert [chapter.splitlines()[0] for chapter in chapters][:2] == ["How it works", "Use"]
