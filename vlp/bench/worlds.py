"""Which world is measured: each brings a `SUITE` of its own, and this is where its name is looked up."""

from __future__ import annotations

from importlib import import_module
from typing import Any, Final

WORLD: Final = "tabletop"


def suite(of: str, world: str = WORLD) -> Any:
    """What a world brings to vlp.bench (a `vlp.bench.suite.Suite`) or to vlp.ablate (a
    `vlp.ablate.suite.AblationSuite`).

    of: "bench" or "ablate". Raises ModuleNotFoundError for a world that brings none.
    """
    return import_module(f"vlp.{of}.{world}.suite").SUITE
