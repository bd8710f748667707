"""Why nothing may be sent until something is mended."""

from __future__ import annotations

from executors.gate import GateError


class HoldError(GateError):
    """Nothing may be sent until something is mended."""
