"""A batch of movements, decided one after the other on projected balances.

Pure: what was read under the locks goes in, what is to be written comes out.
The order of the movements is the order in which they happened.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING
from uuid import UUID

from actors.domain.accounts import Account
from actors.domain.errors import (
    BulkAborted,
    CurrencyMismatch,
    DestinationUnknown,
    Fact,
    NotFound,
    Refused,
    SameAccount,
)
from actors.domain.events import Event, transfer_posted, transfer_refused
from actors.domain.transfers import Movement, Outcome, Posting, Transfer, Verdict, check
from actors.domain.values import value

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime

NOT_KEPT = (SameAccount, CurrencyMismatch, DestinationUnknown)
"""Refusals that free their key: they depend on the body, or on what may yet be opened."""


@value
class KeptAnswer:
    """What an idempotency key remembers.

    Attributes:
        object_kind: ``transfer``, ``account``, …; None when it was refused.
        outcome: The answer; None when the object is none of a movement's.
    """

    principal_id: UUID
    idempotency_key: str
    fingerprint: bytes
    object_kind: str | None
    object_id: UUID | None
    outcome: Outcome | None


@dataclass(slots=True)
class Batch:
    """The facts that a batch adds to the books, and the answer to each movement in order."""

    outcomes: list[Outcome] = field(default_factory=list)
    transfers: list[Transfer] = field(default_factory=list)
    postings: list[Posting] = field(default_factory=list)
    changed: dict[UUID, Account] = field(default_factory=dict)
    keys: list[KeptAnswer] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)

    @property
    def writes(self) -> bool:
        """Tell whether there is anything to write."""
        return bool(self.keys)


def decide(
    movements: Sequence[Movement],
    accounts: Mapping[UUID, Account],
    kept: Mapping[tuple[UUID, str], KeptAnswer],
    now: datetime,
) -> Batch:
    """Return what becomes of *movements*; each sees what those before it did.

    Args:
        movements: In the order of arrival.
        accounts: Every account they name that exists, as read under its lock; moved on here.
        kept: The answers already given under their keys.
        now: The database's time after the locks were taken.
    """
    batch = Batch()
    known = dict(kept)
    for movement in movements:
        batch.outcomes.append(_settle(movement, accounts, known, now, batch))
    return batch


def decide_all_or_none(
    movements: Sequence[Movement],
    accounts: Mapping[UUID, Account],
    kept: Mapping[tuple[UUID, str], KeptAnswer],
    now: datetime,
) -> Batch:
    """Return what becomes of *movements* when one refusal undoes them all.

    The accounts that were moved on by an undone batch must not be used again.
    """
    batch = decide(movements, accounts, kept, now)
    if all(outcome.verdict is Verdict.POSTED for outcome in batch.outcomes):
        return batch
    undone = {transfer.id for transfer in batch.transfers}
    return Batch(outcomes=[_aborted(outcome, undone) for outcome in batch.outcomes])


def _aborted(outcome: Outcome, undone: Collection[UUID]) -> Outcome:
    """Return the answer to one item of an undone batch: the culprits keep theirs.

    A key may have been used twice in the batch: what its first use did is undone as well,
    and no answer may name a transfer that never came to be.
    """
    if outcome.transfer is not None and outcome.transfer.id in undone:
        return Outcome(Verdict.REFUSED, code=BulkAborted.code)
    if outcome.facts.get("object_id") in {str(each) for each in undone}:
        return replace(outcome, facts={"object_kind": None, "object_id": None})
    return outcome


def _settle(
    movement: Movement,
    accounts: Mapping[UUID, Account],
    known: dict[tuple[UUID, str], KeptAnswer],
    now: datetime,
    batch: Batch,
) -> Outcome:
    """Return the answer to one movement and add its facts to *batch*."""
    key = (movement.principal_id, movement.idempotency_key)
    before = known.get(key)
    if before is not None:
        return replayed(before, movement.fingerprint)
    source = accounts.get(movement.source_id)
    destination = accounts.get(movement.destination_id)
    try:
        check(movement, source, destination)
    except NotFound:
        return Outcome(Verdict.NOT_FOUND)
    except Refused as refusal:
        outcome = Outcome(
            Verdict.REFUSED,
            code=refusal.code,
            facts=refusal.facts(),
            request_id=movement.request_id,
        )
        if isinstance(refusal, NOT_KEPT):
            return outcome
        batch.events.append(transfer_refused(movement, outcome))
    else:
        assert source is not None  # noqa: S101  check() has raised otherwise
        assert destination is not None  # noqa: S101
        outcome = _post(movement, source, destination, now, batch)
    known[key] = kept_answer(movement, outcome)
    batch.keys.append(known[key])
    return outcome


def _post(
    movement: Movement, source: Account, destination: Account, now: datetime, batch: Batch
) -> Outcome:
    """Move the money on the projected accounts and record how."""
    transfer = _transfer(movement, _not_before(now, source, destination))
    _add_posting(batch, source, transfer, -transfer.amount_minor)
    _add_posting(batch, destination, transfer, transfer.amount_minor)
    batch.transfers.append(transfer)
    batch.events.append(transfer_posted(transfer, movement, source.version, destination.version))
    return Outcome(Verdict.POSTED, transfer=transfer, request_id=movement.request_id)


def _transfer(movement: Movement, posted_at: datetime) -> Transfer:
    """Return what *movement* becomes when it is posted."""
    return Transfer(
        id=movement.transfer_id,
        kind=movement.kind,
        source_account_id=movement.source_id,
        destination_account_id=movement.destination_id,
        amount_minor=movement.amount_minor,
        currency=movement.currency,
        description=movement.description,
        reference=movement.reference,
        metadata=movement.metadata,
        principal_id=movement.principal_id,
        idempotency_key=movement.idempotency_key,
        posted_at=posted_at,
    )


def _add_posting(batch: Batch, account: Account, transfer: Transfer, amount_minor: int) -> None:
    """Move *account* on by one posting and add it to *batch*."""
    account.balance_minor += amount_minor
    account.version += 1
    account.last_posted_at = transfer.posted_at
    batch.changed[account.id] = account
    batch.postings.append(
        Posting(
            account.id,
            account.version,
            transfer.id,
            amount_minor,
            account.balance_minor,
            transfer.posted_at,
        )
    )


def _not_before(now: datetime, source: Account, destination: Account) -> datetime:
    """Return *now*, or the later of the accounts' last postings should the clock have stepped back.

    So the time of an account's postings never falls as its version rises.
    """
    latest = now
    for account in (source, destination):
        if account.last_posted_at is not None and account.last_posted_at > latest:
            latest = account.last_posted_at
    return latest


def kept_answer(movement: Movement, outcome: Outcome) -> KeptAnswer:
    """Return what the key of *movement* shall remember."""
    posted = outcome.transfer
    return KeptAnswer(
        principal_id=movement.principal_id,
        idempotency_key=movement.idempotency_key,
        fingerprint=movement.fingerprint,
        object_kind=None if posted is None else "transfer",
        object_id=None if posted is None else posted.id,
        outcome=outcome,
    )


def replayed(kept: KeptAnswer, fingerprint: bytes) -> Outcome:
    """Return the answer given before, or that the key belongs to another command."""
    if kept.fingerprint == fingerprint and kept.outcome is not None:
        return replace(kept.outcome, replayed=True)
    facts: dict[str, Fact] = {
        "object_kind": kept.object_kind,
        "object_id": None if kept.object_id is None else str(kept.object_id),
    }
    return Outcome(Verdict.KEY_REUSED, facts=facts)
