"""One event of each type, as the code makes it, and how its record looks."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

from actors.domain import events
from actors.domain.accounts import world_account_id
from actors.domain.transfers import Movement, Outcome, Transfer, TransferKind, Verdict
from actors.messaging import envelope
from actors.ports.events import StoredEvent

HERE = Path(__file__).parent
SCHEMAS = HERE.parents[2] / "actors" / "messaging" / "schemas"
GOLDEN = HERE / "golden"
SOURCE = "https://gopherpay.dev"
TRACE_PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

ADA = UUID("01890a5d-ac96-774b-bcce-b302099a8001")
BOB = UUID("01890a5d-ac96-774b-bcce-b302099a8002")
OWNER = UUID("01890a5d-ac96-774b-bcce-b302099a8003")
MAIL = UUID("01890a5d-ac96-774b-bcce-b302099a8004")
API_KEY = UUID("01890a5d-ac96-774b-bcce-b302099a8005")
EVENT = "01890a5d-ac96-474b-bcce-b302099a8006"
TRANSFER = UUID("01890a5d-ac96-774b-bcce-b302099a8057")
WORLD = world_account_id("USD")
AT = datetime(2026, 1, 31, 9, 30, 0, 1, tzinfo=UTC)


def _movement(kind, source, destination, description=None):
    return Movement(
        transfer_id=TRANSFER,
        kind=kind,
        source_id=source,
        destination_id=destination,
        amount_minor=1_050,
        currency="USD",
        principal_id=OWNER,
        owner_id=OWNER,
        idempotency_key="k",
        fingerprint=b"f",
        request_id="r",
        description=description,
        trace_parent=TRACE_PARENT,
    )


def posted(kind, source, destination, description=None):
    """Return the event of a movement that was posted."""
    movement = _movement(kind, source, destination, description)
    transfer = Transfer(
        id=TRANSFER,
        kind=kind,
        source_account_id=source,
        destination_account_id=destination,
        amount_minor=movement.amount_minor,
        currency=movement.currency,
        description=description,
        reference=None,
        metadata=None,
        principal_id=OWNER,
        idempotency_key="k",
        posted_at=AT,
    )
    return events.transfer_posted(transfer, movement, 2, 7)


def _refused():
    refusal = Outcome(Verdict.REFUSED, code="insufficient-funds")
    return events.transfer_refused(_movement(TransferKind.TRANSFER, ADA, BOB), refusal)


TOLD = {
    event.name: event
    for event in (
        posted(TransferKind.TRANSFER, ADA, BOB, "Lunch"),
        posted(TransferKind.DEPOSIT, WORLD, ADA),
        posted(TransferKind.WITHDRAWAL, ADA, WORLD),
        _refused(),
        events.account_opened(ADA, OWNER, "USD"),
        events.account_closed(ADA, OWNER, "USD"),
        events.account_frozen(ADA, OWNER, "USD", "Card reported stolen"),
        events.account_unfrozen(ADA, OWNER, "USD", "Cleared by phone"),
        events.user_registered(OWNER, MAIL),
        events.user_verified(OWNER),
        events.user_updated(OWNER, ["full_name"]),
        events.user_closed(OWNER),
        events.password_changed(OWNER, MAIL),
        events.login_new(OWNER),
    )
}


def stored(event, **changes):
    """Return *event* as a row of the outbox."""
    row = StoredEvent(
        xid=5,
        seq=6,
        lane=3,
        id=EVENT,
        type=event.type,
        subject_kind=event.subject_kind,
        subject_id=str(event.subject_id),
        time=events.rfc3339(AT),
        data=event.payload.encode(),
        trace_parent=event.trace_parent,
    )
    return row._replace(**changes)


def record(event=TOLD["transfer.posted"], **changes):
    """Return the record of *event*."""
    return envelope.record(stored(event, **changes), topic_prefix="gopherpay", source=SOURCE)


def as_text(sent):
    """Return a record as a page to read: topic and key, headers, the body."""
    head = [f"{sent.topic} {sent.key.decode()}"]
    head += [f"{name}: {value.decode()}" for name, value in sent.headers]
    return "\n".join([*head, "", sent.value.decode(), ""])
