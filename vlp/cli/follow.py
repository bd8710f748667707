"""A run followed at the terminal: it is shown while it lasts, and plans that wait are answered there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vlp.agent.parts import Parts
    from vlp.agent.watcher import Follow, Watcher
    from vlp.settings import Settings


def on_terminal(settings: Settings) -> Follow:
    """What follows a run with these settings; libraries are loaded when it begins."""

    @contextmanager
    def follow(parts: Parts, folder: Path) -> Iterator[Watcher]:
        from vlp.cli.ask import Pictures, Terminal, asked_on_terminal
        from vlp.cli.live import LiveView

        with LiveView(control_steps=settings.max_control_steps) as live:
            pictures = Pictures(path=folder, sight=parts.sight)
            ask = asked_on_terminal(live, check_subgoal=parts.sight.check_subgoal, pictures=pictures)
            yield Terminal(live, ask)

    return follow
