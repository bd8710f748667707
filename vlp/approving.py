"""Who approves plans: a name that the command line needs before anything heavy is imported."""

from __future__ import annotations

from typing import Literal

Approve = Literal["auto", "ask"]
"""auto: every plan is acted on; ask: none before an operator has said so."""
