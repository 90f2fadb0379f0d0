"""Rows into parameters and back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from actors.domain.accounts import Account, AccountKind, AccountStatus
from actors.domain.batches import KeptAnswer
from actors.domain.slots import slot_of
from actors.domain.transfers import Outcome, Transfer, TransferKind, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime
    from uuid import UUID

    from actors.domain.events import Event
    from actors.domain.transfers import Movement

Parameters = tuple[object, ...]


def ids(values: Iterable[UUID | None]) -> str:
    """Return an array literal of ids."""
    return "{" + ",".join("NULL" if value is None else value.hex for value in values) + "}"


def numbers(values: Iterable[int]) -> str:
    """Return an array literal of whole numbers."""
    return "{" + ",".join(map(str, values)) + "}"


def words(values: Iterable[str]) -> str:
    """Return an array literal of our own words: letters, digits, dots and dashes only."""
    return "{" + ",".join(values) + "}"


def times(values: Iterable[datetime]) -> str:
    """Return an array literal of times with their offset."""
    return "{" + ",".join(f'"{value.isoformat()}"' for value in values) + "}"


def account(row: Sequence[Any]) -> Account:
    """Return the account of a row of LOCK_ACCOUNTS."""
    return Account(
        row[0],
        row[1],
        AccountKind(row[2]),
        row[3],
        AccountStatus(row[4]),
        row[5],
        row[6],
        row[7],
        row[8],
        row[9],
    )


def keys_asked(movements: Sequence[Movement]) -> Parameters:
    """Return the parameters of KEPT."""
    return (
        ids(movement.principal_id for movement in movements),
        [movement.idempotency_key for movement in movements],
    )


def kept_answer(row: Sequence[Any]) -> KeptAnswer:
    """Return the kept answer of a row of KEPT, without its first column."""
    principal_id, key, fingerprint, object_kind, object_id, answer = row[:6]
    outcome = None
    if object_kind is None:
        outcome = Outcome(Verdict.REFUSED, **answer)
    elif row[6] is not None:
        outcome = Outcome(Verdict.POSTED, transfer=_transfer(row))
    return KeptAnswer(principal_id, key, fingerprint, object_kind, object_id, outcome)


def _transfer(row: Sequence[Any]) -> Transfer:
    """Return the transfer that a row of KEPT carries."""
    return Transfer(
        id=row[6],
        kind=TransferKind(row[7]),
        source_account_id=row[8],
        destination_account_id=row[9],
        amount_minor=row[10],
        currency=row[11],
        description=row[12],
        reference=row[13],
        metadata=row[14],
        principal_id=row[0],
        idempotency_key=row[1],
        posted_at=row[15],
    )


def outbox(events: Sequence[Event], trace_parent: str | None = None) -> Parameters:
    """Return the parameters of INSERT_OUTBOX; *trace_parent* is for those that have none."""
    return (
        numbers(slot_of(event.subject_id) for event in events),
        words(event.subject_kind for event in events),
        ids(event.subject_id for event in events),
        words(event.type for event in events),
        [event.payload for event in events],
        [event.trace_parent or trace_parent for event in events],
    )
