"""Check for Ray: whether it is there, asked before anything heavy is imported."""

from __future__ import annotations

from importlib.util import find_spec

from vlp.errors import UsageError


def check_ray() -> None:
    """Raises UsageError where Ray is not installed."""
    if find_spec("ray") is None:
        raise UsageError(
            "engine: expected Ray to be installed for --engine ray, got no such package; "
            "install it with pip install 'video-language-planner[scale]' or choose --engine process"
        )
