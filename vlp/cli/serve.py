"""`vlp serve`: the console in a browser."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from vlp.domains.base import domain
from vlp.errors import UsageError
from vlp.session.folders import RUNS
from vlp.session.request import Options

PORT: Final = 8765
NEEDED: Final = ("fastapi", "uvicorn", "sse_starlette", "multipart")


@dataclass(frozen=True, kw_only=True)
class Serve(Options):
    """Serve the console on this machine: watch runs in a browser, approve, change or stop their plans."""

    port: int = PORT
    """Of 127.0.0.1; 0: any that is free. From elsewhere: through an SSH tunnel to the same port."""
    out: Path = RUNS
    """Folder of the runs, also of those that vlp run made."""
    json: bool = False
    """Print the address as one line of JSON: url, token."""

    def run(self) -> int:
        """Raises UsageError where the extra is not installed, or the port is taken."""
        if missing := [name for name in NEEDED if find_spec(name) is None]:
            raise UsageError(
                f"serve: expected the packages of the console, got none of {', '.join(missing)}; "
                "pip install 'video-language-planner[ui]'"
            )
        if not 0 <= self.port < 65536:
            raise UsageError(f"port: expected 0 to 65535, got {self.port}; choose one that is free")
        domain(self.world).check_rules(self.rule, seed=self.settings().seed)
        self.models()
        from vlp.console.server import serve

        return serve(self)
