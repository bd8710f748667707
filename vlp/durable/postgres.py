"""LangGraph's checkpoints, sealed, in a Postgres database that many runs share (extra `postgres`)."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final, Literal

from vlp.errors import StateError, UsageError

if TYPE_CHECKING:
    from langgraph.checkpoint.base import BaseCheckpointSaver

    from vlp.durable.checkpoints import Checkpoints

Where = Literal["sqlite", "postgres"]
"""Where checkpoints go: beside the run's store, or to the database of VLP_POSTGRES."""
PATIENCE: Final = 30
"""Seconds that the database may take for one statement, or its network for one packet."""
ADVICE: Final = (
    "delete the rows of its thread_id from the database's checkpoints, then vlp resume the run: its journal "
    "has every step that was sent"
)
URL: Final = "VLP_POSTGRES"
"""The environment variable with the database's address: it may hold a password, so no option and no file of
ours does."""


def check(where: Where) -> None:
    """Raises UsageError where these checkpoints can't be kept here."""
    if where == "sqlite":
        return
    if not os.environ.get(URL):
        raise UsageError(
            f"checkpoints: expected the database's address in {URL}, got none; set it, such as to "
            "postgresql://user@host/name"
        )
    if find_spec("psycopg") is None or find_spec("langgraph.checkpoint.postgres") is None:
        raise UsageError(
            "checkpoints: expected the packages for Postgres, got none; "
            "pip install 'video-language-planner[postgres]'"
        )


def checkpoints(where: Where) -> Checkpoints | None:
    """Opens where checkpoints go; None: beside the store. Raises UsageError."""
    check(where)
    return None if where == "sqlite" else in_postgres(os.environ[URL])


def in_postgres(url: str) -> Checkpoints:
    """In a Postgres database, each committed before the next node begins. Its tables are made when they are
    not there. What goes wrong is a StateError, without the address."""
    import psycopg
    from langgraph.checkpoint.postgres import PostgresSaver
    from psycopg.rows import dict_row

    from vlp.durable.checkpoints import Sealed

    @contextmanager
    def opened() -> Iterator[BaseCheckpointSaver[Any]]:
        try:
            with psycopg.Connection.connect(
                url,
                autocommit=True,
                prepare_threshold=0,
                row_factory=dict_row,
                connect_timeout=10,
                tcp_user_timeout=PATIENCE * 1000,
            ) as connection:
                connection.execute(
                    f"SET statement_timeout = '{PATIENCE}s'"
                )  # nothing is waited for without end
                saver = PostgresSaver(connection, serde=Sealed(ADVICE))
                saver.setup()
                yield saver
        except psycopg.Error as error:
            raise StateError(
                f"state: expected to read and write the Postgres database of {URL}, got a "
                f"{type(error).__name__}; nothing moved since; mend it, then vlp resume the run"
            ) from error

    return opened
