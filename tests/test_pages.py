"""The commands of docs/your-own-world.md and docs/robots.md, as they stand there, at small size."""

from __future__ import annotations

import io
import json
import re
import shlex
from pathlib import Path

import numpy as np
import pytest
import tyro
from PIL import Image

from executors.lerobot import bridge
from tests.conftest import ROOT
from tests.executors.lerobot.conftest import Begin, begin  # noqa: F401
from tests.executors.lerobot.test_check_robot import data  # noqa: F401
from tests.tasks.data.lerobot_sets import Made, Shot, write_v3, write_v21
from tests.tiny import MOMENT, tiny_models
from vlp.cli.main import main
from vlp.evaluate import world

FRONT, WRIST = Shot(), Shot("observation.images.wrist", (60, 80), "av1")
SMALL = ["--beams", "1", "--language-branches", "1", "--video-branches", "2", "--horizon", "1"]


def commands(page: str) -> list[str]:
    """Lines of the page's blocks, comments left out."""
    blocks = re.findall(r"^```\n(.*?)^```$", (ROOT / "docs" / page).read_text(), re.MULTILINE | re.DOTALL)
    return [line.split("  #")[0].strip() for block in blocks for line in block.splitlines() if line.strip()]


def carry_out(line: str) -> int:
    """A line of a page; times and searches are small, models not good enough for guards."""
    line = re.sub(r"--minutes \d+", f"--minutes {MOMENT}", line)
    line = re.sub(r"--seconds \d+", "--seconds 2", line)
    words = shlex.split(line)
    if words[:3] == ["python", "-m", "vlp.evaluate.world"]:
        world.main(tyro.cli(world.WorldOptions, args=[*words[3:], "--clips", "4", "--steps", "1"]))
        return 0
    assert words[0] == "vlp"
    more = [] if words[1].startswith("check") else ["--device", "cpu"]
    more += [*SMALL, "--guards", "off"] if words[1] == "plan" else []
    with tiny_models():
        return main([*words[1:], *more])


def picture(path: str, size: tuple[int, int]) -> None:
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (*size, 3)).astype(np.uint8)).save(path)


def test_your_own_world(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    write_v21(Path("my-drawers"), Made((FRONT, WRIST), (50, 45)))
    write_v3(Path("more-drawers"), Made((FRONT, WRIST), (48, 52)))
    picture("front.png", (480, 640))
    picture("wrist.png", (240, 320))
    lines = commands("your-own-world.md")
    assert [line.split()[1] for line in lines] == [
        "check", "train", "train", "imagine", "-m", "plan", "plan",
    ]  # fmt: skip
    for line in lines:
        assert carry_out(line) == 0, line
    assert (tmp_path / "check.png").is_file() and (tmp_path / "imagined/clip-03.mp4").is_file()
    assert json.loads(Path("held-out.json").read_text())["clips"] == 4
    assert json.loads(Path("planned/plan.json").read_text())["ranked"] is True


def test_robots(
    begin: Begin,  # noqa: F811
    data: Path,  # noqa: F811
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("my-arm").symlink_to(data)
    assert carry_out("vlp train world --data my-arm --minutes 1") == 0
    begin()
    lines = commands("robots.md")
    starts = [line for line in lines if line.startswith("python bridge.py")]
    for line in starts:
        assert bridge.command_line().parse_args(shlex.split(line)[2:]).robot[0] == "--"
    rest = [line for line in lines if line not in starts]
    assert [line.split()[1] for line in rest] == ["check-robot", "check-robot", "run", "stop", "rearm"]
    for line in rest:
        monkeypatch.setattr("sys.stdin", io.StringIO("yes\n"))
        line = line.replace("/tmp/arm.sock", f"{tmp_path}/arm.sock")
        assert carry_out(line) == 0 if "arm-" not in line else stopped(line) == 0, line
    assert "2 and back" in capsys.readouterr().err


def stopped(line: str) -> int:
    """`vlp stop` and `vlp rearm`, of the one arm there is."""
    (folder,) = Path("runs").glob("arm-*")
    return main([line.split()[1], str(folder)])
