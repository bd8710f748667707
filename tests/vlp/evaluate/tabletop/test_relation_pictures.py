"""The docs' pictures of relations are what the simulator draws, and what the relations say."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from PIL import Image

from tasks.tabletop.goals import relations
from tests.conftest import ROOT
from vlp.evaluate.tabletop.relation_pictures import SENTENCES, RelationPictures

FOLDER = ROOT / "docs" / "relations"


@pytest.fixture(scope="module")
def pictures() -> Iterator[RelationPictures]:
    made = RelationPictures()
    yield made
    made.close()


def test_every_relation_has_its_picture_and_no_other_is_there() -> None:
    every = set(relations.__all__) - {"Relation"}
    assert set(SENTENCES) == every == {path.stem for path in FOLDER.iterdir()}
    page = (ROOT / "docs" / "relations.md").read_text(encoding="utf-8")
    assert all(f"(relations/{name}.png)" in page and f"| {SENTENCES[name]} |" in page for name in every)
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) < 1_000_000


@pytest.mark.parametrize("name", SENTENCES)
def test_the_left_board_does_not_meet_it_and_the_right_one_does(
    name: str, pictures: RelationPictures
) -> None:
    relation, (no, yes) = pictures.relation(name), pictures.boards(name)
    assert type(relation).__name__ == name
    assert relation.reward(no) < 1.0 and relation.reward(yes) == 1.0


@pytest.mark.parametrize("name", ["Circle", "NotMoved", "Long"])
def test_a_picture_is_what_is_drawn(name: str, pictures: RelationPictures) -> None:
    kept = np.asarray(Image.open(FOLDER / f"{name}.png").convert("RGB"))
    assert np.array_equal(kept, pictures.drawn(name))
