"""What is measured of an episode beside what the agent knew."""

from __future__ import annotations

from typing import Any

import pytest

from vlp.bench.stops import DONE, ObservedRobot


class Scoring:
    """A robot whose simulator tells so much."""

    terminated = False

    def __init__(self, **info: Any) -> None:
        self.info = {"score": 0.875, "best": 0.875, **info}


def measured(**info: Any) -> dict[str, Any]:
    return ObservedRobot(Scoring(**info)).measured(DONE)  # type: ignore[arg-type]


def test_what_is_out_of_reach_is_told_where_the_world_tells() -> None:
    """A board on which a block was pushed off looks complete; its row says why it was not."""
    row = measured(lost=["red_moon"])
    assert row["lost"] == ["red_moon"] and not row["complete"]
    assert measured(lost=[])["lost"] == []


@pytest.mark.parametrize("info", [{}, {"lost": None}])
def test_a_world_that_loses_nothing_tells_nothing(info: dict[str, Any]) -> None:
    assert "lost" not in measured(**info)
