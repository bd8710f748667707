"""What cannot be measured ends with one line and an exit code, whichever measurement it is."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

import vlp.evaluate
from tasks.data.layout import DatasetError
from video.latent.bundle import LatentWeightsError
from video.latent.latents import SeenOtherwise
from vlp.errors import WeightsError
from vlp.evaluate.common import run_main
from vlp.evaluate.tabletop.imagined import ImaginedOptions, main
from vlp.models.weights import BUNDLED

MODULES = [
    path
    for path in sorted(Path(vlp.evaluate.__file__).parent.rglob("*.py"))
    if "__main__" in path.read_text(encoding="utf-8") and path.name != "common.py"
]


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_every_measurement_is_run_so(path: Path) -> None:
    assert "tyro.cli" not in path.read_text(encoding="utf-8"), "run_main reads the command line"


@dataclass(frozen=True)
class Options:
    """Options of a measurement."""

    much: int = 1


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (WeightsError("no weights"), 3),
        (LatentWeightsError("no part"), 3),
        (DatasetError("no data"), 5),
        (SeenOtherwise("others"), 5),
    ],
)
def test_what_is_refused_ends_with_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], error: Exception, code: int
) -> None:
    def refusing(options: Options) -> None:
        assert options.much == 3
        raise error

    monkeypatch.setattr("sys.argv", ["measure", "--much", "3"])
    with pytest.raises(SystemExit) as ended:
        run_main(refusing, Options)
    assert ended.value.code == code
    assert capsys.readouterr().err == f"error: {error}\n"


def test_weights_that_cannot_act_are_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["imagined", "--by", "robot", "--clips", "1", "--weights", str(BUNDLED)])
    with pytest.raises(SystemExit) as ended:
        run_main(main, ImaginedOptions)
    said = capsys.readouterr().err.splitlines()
    assert ended.value.code == 3 and len(said) == 1 and said[0].startswith("error: models: expected a folder")
