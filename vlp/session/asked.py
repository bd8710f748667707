"""Request of an instruction of the SDK, kept so that it can be gone on with."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any, Final

from vlp.durable.store import Store
from vlp.errors import StateError

SDK: Final = "sdk"


@dataclass(frozen=True)
class AskedPlans:
    """An instruction, and what its plans are made with."""

    instruction: str
    rules: tuple[str, ...]
    settings: dict[str, Any]
    weights: dict[str, dict[str, str]]
    """Part -> the digests of its files."""

    def keep(self, store: Store) -> None:
        """Keep it in a run's store."""
        store.put({SDK: json.dumps(asdict(self)).encode()})

    def check(self, store: Store) -> None:
        """Raises StateError where a run's store has another one, but for the instruction."""
        kept = store.get(SDK)
        if kept is None:
            raise StateError("state: expected a run of vlp.Agent, got one of vlp run; go on with vlp resume")
        said, ours = json.loads(kept), json.loads(json.dumps(asdict(self)))
        for name in ("rules", "settings", "weights"):
            if said[name] != ours[name]:
                raise StateError(
                    f"state: expected the {name} that the run was begun with, got others; make the agent "
                    "with those, or plan anew"
                )


def instruction(store: Store) -> str:
    """Of a run; empty where the SDK did not begin it."""
    kept = store.get(SDK)
    return "" if kept is None else str(json.loads(kept)["instruction"])
