"""The measurement of the value on crowded rows, small."""

from __future__ import annotations

from typing import Any

import pytest

from vlp.evaluate.tabletop import value


def test_the_value_is_held_against_plays(monkeypatch: pytest.MonkeyPatch) -> None:
    written: dict[str, Any] = {}
    monkeypatch.setattr(value, "write", lambda name, result: written.update({name: result}))
    value.main(value.ValueOptions(boards=2, plays=2, first_seed=990_000))
    found = written["value"]
    assert found["error_steps"]["of"] >= 1 and found["error_steps"]["mean"] > 0
    assert -1 <= found["rank_correlation"]["mean"] <= 1
    # No pick gains more than the best one.
    assert found["pick_gains_steps"]["mean"] <= found["best_gains_steps"]["mean"] + 1e-6
