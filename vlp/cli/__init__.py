"""The commands of `vlp`: one module each, its options as a frozen dataclass, heavy imports inside `run`."""

from __future__ import annotations

from typing import ClassVar, Protocol


class Command(Protocol):
    """A parsed command line."""

    uses_torch: ClassVar[bool]

    def run(self) -> int:
        """Carry it out; the exit code. Raises VlpError."""
        ...
