"""Verification: all that going on with a run needs, before a robot is connected or anything is changed."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

from vlp.agent.state import State
from vlp.durable.event_log import NAME, checked, told
from vlp.durable.filed import Filed
from vlp.durable.journal import Journal
from vlp.durable.keeping import Keeping
from vlp.durable.store import Store


def check_kept(path: Path, store: Store, keeping: Keeping) -> None:
    """Raises StateError where the events, the journal, the decisions, the plan or what came of its last clip
    are not as the last checkpoint of the run in a folder has them: older, cut short, or others."""
    state = latest(keeping)
    checked(path / NAME, state.get("events", 0), state.get("events_digest", ""))
    steps, _ = told(path / NAME)
    Journal(store).check(
        state.get("journal", 0), state.get("journal_digest", ""), max(steps, state.get("control_step", 0))
    )
    Filed(store).check(path, state.get("files", 0))
    if (go := state.get("go")) in ("act", "verify"):
        keeping.plan(state["shown"], state["plan"])
    if go == "verify":
        keeping.followed(state["decision"], state["step"])


def latest(keeping: Keeping) -> State:
    """What the last node that came to its end has left; nothing where none did."""
    with keeping.checkpoints() as saver:
        found = saver.get_tuple({"configurable": {"thread_id": keeping.thread, "checkpoint_ns": ""}})
        if found is None:
            return {}
        kept: dict[str, Any] = dict(found.checkpoint["channel_values"])
        for _, channel, value in found.pending_writes or ():  # of a node whose checkpoint was not written yet
            kept[channel] = value
    return cast(State, {name: value for name, value in kept.items() if name in State.__annotations__})
