"""Pushes, as they are measured, stand on the bench."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from tests.vlp.bench.recording import Recording
from vlp.bench.execution import run_all
from vlp.bench.tabletop.episode import TabletopEpisode
from vlp.evaluate.tabletop import pushes


def test_pushes_stand_on_the_bench(tmp_path: Path, weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    engine, written = Recording(), {}
    monkeypatch.setattr(pushes, "run_all", partial(run_all, engine=engine))
    monkeypatch.setattr(pushes, "write", lambda name, result: written.update({name: result}))
    pushes.main(pushes.PushesOptions(episodes=8, weights=weights, log=tmp_path / "pushes.jsonl"))
    assert len(engine.ran) == 8
    assert all(isinstance(one, TabletopEpisode) and one.layout for one in engine.ran)
    assert written["pushes"]["push_succeeds"]["of"] == 8
