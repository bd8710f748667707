"""`vlp worlds`: the worlds that are installed."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import ClassVar

from vlp.errors import UsageError


@dataclass(frozen=True, kw_only=True)
class Worlds:
    """List the worlds that are installed, one line each; vlp run --world NAME works in one."""

    uses_torch: ClassVar[bool] = False

    json: bool = False
    """Print them as one line of JSON: name to what it is."""

    def run(self) -> int:
        """A world that can't be loaded is listed with the reason."""
        from vlp.domains.base import domain, installed

        told = {}
        for name in installed():
            try:
                told[name] = " ".join(domain(name).summary.split())
            except UsageError as error:
                told[name] = str(error)
        if self.json:
            print(json.dumps(told))
        else:
            print("\n".join(f"{name}: {summary}" for name, summary in told.items()))
        return 0
