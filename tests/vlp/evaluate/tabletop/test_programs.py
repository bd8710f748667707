"""Programs carried out are counted, and those that are through are not done again."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from vlp.evaluate.tabletop.programs import ProgramOptions, main


@pytest.mark.parametrize("by", ["learned", "arranged"])
def test_a_program_is_carried_out_and_counted(
    by: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    options = ProgramOptions(programs=1, first_seed=1_000_104, by=by)  # type: ignore[arg-type]
    main(options)
    name = "programs" if by == "learned" else "programs-arranged"
    found = json.loads((tmp_path / f"results/{name}.json").read_text())
    assert found["programs"] == 1 and found["completed"]["share"] == 1.0 and found["not_completed"] == []
    (row,) = (json.loads(line) for line in (tmp_path / f".cache/{name}.jsonl").read_text().splitlines())
    assert row["seed"] == 1_000_104 and row["control_steps"] == found["control_steps"][0]
    main(options)
    assert (
        json.loads((tmp_path / f"results/{name}.json").read_text())["control_steps"] == found["control_steps"]
    )
