"""What the README and the docs name is there: links, files, folders, tests and modules."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.conftest import ROOT

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
LINK = re.compile(r"\]\((?!https?:|mailto:)([^)#\s]*)(?:#([^)\s]*))?\)")
NAMED = re.compile(
    r"(?<![\w./-])(?!vlp/Tabletop)((?:vlp|planner|video|executors|tasks|tests|docs|results|\.ci)/[\w./*-]*)((?:::\w+)?)"
)
MODULE = re.compile(r"python -m ((?:vlp|planner|video|executors|tasks)[\w.]*)")


def broken(page: Path, root: Path) -> list[str]:
    """Links, paths, tests and modules that a page of the project at `root` names and that are not there."""
    text = page.read_text(encoding="utf-8")
    links = [
        f"link {target}#{anchor}"
        for target, anchor in LINK.findall(text)
        if not _reached(page.parent / target if target else page, anchor)
    ]
    paths = [
        path + test for path, test in NAMED.findall(_without_links(text)) if not _named(root, path, test)
    ]
    modules = [name for name in MODULE.findall(text) if not _module(root / name.replace(".", "/"))]
    return links + paths + modules


def _reached(path: Path, anchor: str) -> bool:
    if not anchor or not path.exists():
        return path.exists()
    titles = re.findall(r"^#+ (.*)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    return anchor in [re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles]


def _without_links(text: str) -> str:
    return re.sub(r"\]\([^)]*\)", "]", text)


def _named(root: Path, path: str, test: str) -> bool:
    found = list(root.glob(path.rstrip("./")))
    return bool(found) and (not test or f"def {test[2:]}(" in found[0].read_text(encoding="utf-8"))


def _module(path: Path) -> bool:
    return path.with_suffix(".py").exists() or (path / "__main__.py").exists()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_all_that_a_page_names_is_there(page: Path) -> None:
    assert broken(page, ROOT) == []


def test_every_page_of_the_docs_is_reached_from_the_readme() -> None:
    readme = PAGES[0].read_text(encoding="utf-8")
    assert [page.name for page in PAGES[1:] if f"(docs/{page.name})" not in readme] == []


def test_what_is_not_there_is_found(tmp_path: Path) -> None:
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "test_a.py").write_text("def test_one() -> None: ...")
    page = tmp_path / "README.md"
    page.write_text(
        "# A title\n[a](gone.md) [b](README.md) [c](#a-title) [d](#another) `tests/test_a.py::test_one` "
        "`tests/test_a.py::test_two` tests/test_b.py `python -m vlp.gone`"
    )
    expected = ["link gone.md#", "link #another", "tests/test_a.py::test_two", "tests/test_b.py", "vlp.gone"]
    assert broken(page, tmp_path) == expected
