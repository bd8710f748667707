"""Options of a run, which it goes on with, and the weights that it must find again."""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path
from typing import Any, Final

from vlp.durable.store import Store
from vlp.errors import StateError
from vlp.session.asked import instruction
from vlp.session.request import RunRequest

RUN: Final = "run"
_PATHS: Final = ("weights", "out")


def keep_run(store: Store, options: RunRequest, hashes: dict[str, dict[str, str]]) -> None:
    """Keep the options of a run and the digests of its weights. No key is among them: those come from the
    environment."""
    said = {field.name: getattr(options, field.name) for field in fields(RunRequest)}
    for name in _PATHS:
        said[name] = None if said[name] is None else str(said[name].absolute())
    store.put({RUN: json.dumps({"options": said, "weights": hashes}).encode()})


def kept_run(store: Store) -> tuple[RunRequest, dict[str, dict[str, str]]]:
    """What was kept. Raises StateError for what this version does not know."""
    kept = store.get(RUN)
    if kept is None and instruction(store):
        raise StateError(
            "state: expected a run of vlp run, got one of the SDK; go on with it by vlp.Agent.resume"
        )
    try:
        said: dict[str, Any] = json.loads(kept or b"")
        options: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value
            for name, value in said["options"].items()
        }
        for name in _PATHS:
            options[name] = None if options[name] is None else Path(options[name])
        return RunRequest(**options), said["weights"]
    except (ValueError, KeyError, TypeError) as error:
        raise StateError(
            f"state: expected a run of this version, got one that it can't read ({error}); "
            "start the run again, or resume it with the version that began it"
        ) from error


def check_weights(kept: dict[str, dict[str, str]], found: dict[str, dict[str, str]]) -> None:
    """Raises StateError where the weights are not those that the run was begun with."""
    changed = sorted(name for name in {*kept, *found} if kept.get(name) != found.get(name))
    if changed:
        raise StateError(
            f"state: expected the weights that the run was begun with, got others ({', '.join(changed)}); "
            "bring those back, or start the run again"
        )
