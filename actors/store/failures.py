"""What the database's errors mean to a batch, told apart by SQLSTATE."""

from __future__ import annotations

from typing import Final

import psycopg
from psycopg import errors as postgres

NOT_AS_SEEN: Final = "ZS001"
HAS_MOVED: Final = "ZF001"
"""Raised by ``post_batch`` (migration 0004)."""


class ConnectionLost(Exception):
    """The server went away before it was asked to write."""


REPEATABLE: Final = (
    postgres.UniqueViolation,  # a twin took the key on other accounts: it will be seen now
    postgres.DeadlockDetected,
    postgres.SerializationFailure,
    ConnectionLost,  # before anything was written: another connection may do
)


def is_repeatable(error: Exception) -> bool:
    """Tell whether nothing was written and another try may succeed."""
    return isinstance(error, REPEATABLE) or getattr(error, "sqlstate", None) == NOT_AS_SEEN


def is_fenced(error: psycopg.Error) -> bool:
    """Tell whether a slot of the batch has another owner by now."""
    return error.sqlstate == HAS_MOVED


def lost(error: psycopg.Error) -> bool:
    """Tell whether *error* means that the connection is gone, rather than an answer.

    SQLSTATE class 08 is the connection, 57P the operator, 58 the system, XX the server itself:
    each may come after the commit it seems to deny (PostgreSQL manual, appendix A).
    """
    state = error.sqlstate
    return state is None or state.startswith(("08", "57P", "58", "XX"))
