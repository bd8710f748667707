"""The README's tables are what the files of results say, not typed in by hand."""

from __future__ import annotations

from pathlib import Path

from tests.conftest import ROOT
from vlp.evaluate.table import Options, main


def test_the_readme_s_tables_are_those_of_the_results(tmp_path: Path) -> None:
    copy, readme = tmp_path / "README.md", (ROOT / "README.md").read_text(encoding="utf-8")
    copy.write_text(readme, encoding="utf-8")
    main(Options(results=ROOT / "results", readme=copy))
    assert copy.read_text(encoding="utf-8") == readme, "python -m vlp.evaluate.table writes them"
