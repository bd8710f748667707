"""Check for plots: whether they can be drawn, asked before anything heavy is imported."""

from __future__ import annotations

from importlib.util import find_spec

from vlp.errors import UsageError


def check_plots() -> None:
    """Raises UsageError where matplotlib is not installed."""
    if find_spec("matplotlib") is None:
        raise UsageError(
            "expected matplotlib to be installed for the plots, got no such package; "
            "install it with pip install 'video-language-planner[viz]'"
        )
