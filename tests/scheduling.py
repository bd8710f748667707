"""Libraries that make the thread which calls them a real-time one."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def ordinary_scheduling() -> Iterator[None]:
    """Afterwards the calling thread is scheduled as before.

    SVT-AV1, run as root, leaves it with the highest real-time priority (SCHED_FIFO, 99), and what it starts
    from then on, browsers among them, with it: two such processes keep everything else from two cores.
    """
    if not hasattr(os, "sched_getscheduler"):
        yield
        return
    policy, parameters = os.sched_getscheduler(0), os.sched_getparam(0)
    try:
        yield
    finally:
        if os.sched_getscheduler(0) != policy:
            os.sched_setscheduler(0, policy, parameters)
