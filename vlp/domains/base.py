"""A domain: one world with its sight, rules, models and robots, and how it is found by name."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

from vlp.errors import UsageError

if TYPE_CHECKING:
    from executors.robot import Robot
    from tasks.domain import Language, Rules
    from vlp.agent.parts import Parts
    from vlp.models.chosen import Models
    from vlp.models.weights import Hashes

GROUP: Final = "vlp.domains"
"""Of the entry points by which worlds are installed: name = "package.module:Class"."""
DEFAULT: Final = "tabletop"
DATASET: Final = "dataset:"
"""Before the folder of a dataset that stands for a world: it has pictures, and nothing that moves."""


@dataclass(frozen=True, kw_only=True)
class Wording:
    """What people, and agents that call us, are told of a world before anything of it is loaded."""

    does: str
    """What planning is here, such as "Plans block pushes on a tabletop"."""
    scene: str
    """What a seed gives, such as "board"."""
    place: str
    """Where things are, such as "table"."""
    things: str
    """What those are, such as "blocks"."""
    offers: str
    """The kinds of `Domain.offers` in words, such as "tasks, single pushes"."""
    instruction: str
    """One for example."""
    subgoal: str
    """One for example."""
    rule: str
    """One for example."""


class Domain(Protocol):
    """A world. Its methods import what is heavy when they are called: all worlds are listed by `vlp worlds`.

    It stands here and not in `tasks.domain`, where the types that the agent asks of it stand, since it makes
    parts and robots, and the arrows run the other way.
    """

    name: str
    summary: str
    """One line for `vlp worlds`."""
    wording: Wording

    def check(self, instruction: str, *, seed: int, rules: Sequence[str]) -> None:
        """Before anything heavy is loaded: raises InstructionError for words, or a standing rule, to which
        the scene of this seed gives no meaning."""
        ...

    def check_rules(self, rules: Sequence[str], *, seed: int) -> None:
        """The same for standing rules alone."""
        ...

    def check_subgoal(self, words: str) -> None:
        """Raises ValueError for words that are no subgoal."""
        ...

    def read_rules(self, rules: Sequence[str], names: Sequence[str]) -> Rules:
        """Standing rules for a scene with things of these names. Raises InstructionError."""
        ...

    def under_rules(self, parts: Parts, rules: Rules) -> Parts:
        """Parts, as this domain made them, that hold to rules."""
        ...

    def refusal(self, error: Exception, names: Collection[str]) -> str:
        """What is said of an instruction that is not understood where things of these names are."""
        ...

    def offers(self) -> Mapping[str, Sequence[str]]:
        """What can be asked for, in words, by kind."""
        ...

    def words_of(self, name: str) -> str:
        """A thing's name as people say it."""
        ...

    def language(self) -> Language:
        """In which VLMs that were not trained on it are asked."""
        ...

    def verify(self, weights: Path | None) -> Hashes:
        """The digests of its weights (None: its own), checked. Raises WeightsError."""
        ...

    def parts(
        self, *, weights: Path | None, device: str, sampling_steps: int, models: Models | None
    ) -> Parts:
        """All that the agent is made of. Raises WeightsError and UsageError."""
        ...

    def robot(self, instruction: str | None, *, seed: int, max_steps: int) -> Robot:
        """A simulated robot on the scene of a seed; `instruction`: what it keeps score of."""
        ...

    def train(self, part: str, **options: Any) -> Mapping[str, Any]:
        """Train one of its models, see `vlp.train.run.train`. Raises UsageError for a part it has not."""
        ...

    def collect(self, out: Path, **options: Any) -> int:
        """Write demonstrations as a LeRobotDataset; how many are successes."""
        ...


def installed() -> dict[str, EntryPoint]:
    """Name -> entry point of every world that is installed."""
    return {point.name: point for point in sorted(entry_points(group=GROUP), key=lambda point: point.name)}


@cache
def domain(name: str = DEFAULT) -> Domain:
    """A world by its name. Raises UsageError for one that is not installed or can't be loaded."""
    found = installed()
    if name.startswith(DATASET):
        raise UsageError(
            f"world: expected one with a robot, got {name!r:.60}, which has only pictures; "
            "vlp plan and vlp imagine take it, with --models"
        )
    if name not in found:
        raise UsageError(
            f"world: expected one of {', '.join(found) or 'none'}, got {name!r:.60}; see vlp worlds"
        )
    try:
        made: Domain = found[name].load()()
    except Exception as error:  # of a package that is not ours
        why = " ".join(f"{type(error).__name__}: {error}".split())[:200]
        raise UsageError(f"world: expected {name} to load, got {why}; see to its package") from error
    return made
