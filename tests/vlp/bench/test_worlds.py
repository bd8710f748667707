"""A second world fits on the bench: a dot on a line, of which the bench knows nothing but its suite."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from numpy.typing import NDArray

from vlp.ablate.protocol import AskedAblation
from vlp.ablate.variants import execution
from vlp.agent.agent import AgentLoop
from vlp.agent.parts import Parts
from vlp.bench.episode import Episode, run
from vlp.bench.execution import run_all
from vlp.bench.log import EpisodeLog
from vlp.bench.methods import Method
from vlp.bench.names import Stop
from vlp.bench.protocol import Execution
from vlp.bench.stops import DONE
from vlp.bench.worlds import suite
from vlp.models.weights import BUNDLED
from vlp.settings import Settings

ROOT = Path(__file__).parents[3]
SEED = 1_000_050
STEP = 0.25


class DotRobot:
    """A dot on a line, to be at 1; it scores how far it has come."""

    is_connected, observation_features, action_features = True, {"at": ()}, {"dx": ()}
    keeps_time = True

    def __init__(self, max_steps: int) -> None:
        self._at, self._best, self._left = 0.0, 0.0, max_steps

    @property
    def info(self) -> dict[str, Any]:
        return {"score": min(self._at, 1.0), "best": self._best}

    @property
    def terminated(self) -> bool:
        return self._at >= 1.0

    def connect(self) -> None: ...

    def get_observation(self) -> dict[str, Any]:
        return {"at": self._at}

    def send_action(self, action: NDArray[np.float32]) -> NDArray[np.float32]:
        self._at += float(action[0])
        self._best, self._left = max(self._best, self.info["score"]), self._left - 1
        return action

    def disconnect(self) -> None: ...


class DotAgent:
    """Goes right until it sees itself there, and once more to be sure."""

    def __init__(self, parts: str, robot: Any, settings: Settings, **others: object) -> None:
        assert parts == "parts of a dot"
        self._robot, self._most = robot, settings.max_control_steps

    def run(self, text: str) -> dict[str, Any]:
        steps, sure = 0, 0
        while steps < self._most and sure < 2 and not self._robot.terminated:
            sure += self._robot.get_observation()["at"] >= 1.0
            self._robot.send_action(np.array([STEP], np.float32))
            steps += 1
        reason = DONE if sure == 2 else "complete" if self._robot.terminated else "out of control steps"
        found = {"score": 0.0, "complete": self._robot.terminated, "reason": reason, "control_steps": steps}
        return {**found, "decisions": steps, "seconds": 0.0, "seconds_by_part": {"search": 0.0}}


@dataclass(frozen=True)
class DotEpisode(Episode):
    @property
    def approach(self) -> Method:
        return Method(agent=cast("type[AgentLoop]", DotAgent))

    def build(self, weights: Path) -> Parts:
        return cast(Parts, "parts of a dot")

    def robot(self, max_steps: int) -> DotRobot:
        return DotRobot(max_steps)


class DotSuite:
    def episode(
        self, method: str, task: str, number: int, *, seed: int, settings: Settings, stop: Stop
    ) -> DotEpisode:
        return DotEpisode(method, task, f"go right, {number}", seed, settings, stop)

    def imagined_plan(
        self, task: str, number: int, *, seed: int, settings: Settings, stop: Stop
    ) -> DotEpisode:
        return self.episode("imagined", task, number, seed=seed, settings=settings, stop=stop)


def test_a_dot_on_a_line_is_measured_as_the_tabletop_is(tmp_path: Path) -> None:
    asked = Execution(
        suite=DotSuite(), tasks=("line",), methods=("ours", "no-search"), episodes=2, first_seed=SEED,
        settings=Settings(max_control_steps=10),
    )  # fmt: skip
    with EpisodeLog(tmp_path / "episodes.jsonl") as log:
        lines = run_all(asked.plan(), log, weights=BUNDLED, workers=1)
    assert [(line["method"], line["seed"]) for line in lines] == [
        ("ours", SEED), ("no-search", SEED), ("ours", SEED + 1), ("no-search", SEED + 1)
    ]  # fmt: skip
    for line in lines:
        # There after 4 steps, which the camera's own word takes 2 more to be sure of.
        assert (line["reason"], line["complete"], line["control_steps"]) == (DONE, True, 6)
        assert line["simulator"] == {"score": 1.0, "complete": True, "control_steps": 4}


def test_a_simulators_verdict_ends_a_dots_episode_at_once() -> None:
    one = DotSuite().episode("ours", "line", 0, seed=SEED, settings=Settings(), stop="simulator")
    line = run(one, one.build(BUNDLED))
    assert (line["reason"], line["complete"], line["control_steps"]) == ("complete", True, 4)
    assert "simulator" not in line


def test_variants_of_an_ablation_are_run_on_the_dot_too() -> None:
    asked = AskedAblation(
        suite=DotSuite(),
        ablation=execution(),
        tasks=("line",),
        episodes=1,
        first_seed=SEED,
        settings=Settings(),
    )
    plan = asked.plan()
    assert len(plan) == 4 and all(isinstance(episode, DotEpisode) for _, episode in plan)
    assert [episode.settings.beams for _, episode in plan] == [1, 1, 1, 2]


@pytest.mark.parametrize("of", ["bench", "ablate"])
def test_a_world_is_found_by_its_name(of: str) -> None:
    assert type(suite(of)).__module__ == f"vlp.{of}.tabletop.suite"
    with pytest.raises(ModuleNotFoundError):
        suite(of, "moon")


def imported(path: Path) -> Iterator[str]:
    """All that a file imports, those within functions and what it takes from packages too."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{name.name}" for name in node.names)


@pytest.mark.parametrize("folder", ["bench", "ablate", "evaluate"])
def test_what_is_general_knows_no_world_and_no_command_line(folder: str) -> None:
    files = [path for path in (ROOT / "vlp" / folder).rglob("*.py") if path.parent.name != "tabletop"]
    assert len(files) > 5
    wrong = [
        f"{path.name}: {name}" for path in files for name in imported(path)
        if "tabletop" in name.split(".") or name.startswith("vlp.cli")
    ]  # fmt: skip
    assert not wrong
