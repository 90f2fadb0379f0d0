"""Transfers: make, rehearse, show, list, and find by key."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final, TypeAlias
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta

from actors.domain.errors import (
    REFUSALS_BY_CODE,
    AmountInvalid,
    BulkAborted,
    CurrencyUnknown,
    GopherPayError,
    KeyInProgress,
    KeyReused,
    NotFound,
    OutcomeUnknown,
)
from actors.domain.transfers import TransferKind, Verdict
from actors.store.transfers import TransferFilter
from serve_app.http.access import Scoped, reads_as
from serve_app.http.errors import CursorInvalid
from serve_app.http.exchange import Answer, ok
from serve_app.http.problems import document, problem
from serve_app.http.routing import KeyPolicy, Route
from serve_app.http.texts import IdText, KeyText, MetadataKey, MetadataValue, Query, When, id_of
from serve_app.routes import commands
from serve_app.routes.commands import Asked, NewTransfer
from serve_app.routes.lists import Listing, Page, Paged
from serve_app.routes.objects import TransferKindText, TransferObject, transfer_object
from serve_app.routes.outcomes import answer_of

if TYPE_CHECKING:
    from actors.domain.transfers import Transfer
    from actors.ports.ledger import IdSource
    from serve_app.http.cursors import Cursors
    from serve_app.http.exchange import Call
    from serve_app.ports import AccountReads, Books, Movements, TransferReads

TAG: Final = "Transfers"
READ: Final = Scoped("transfers:read", or_operators="admin:read")
WRITE: Final = Scoped("transfers:write")

MOVING_PROBLEMS: Final[tuple[type[GopherPayError], ...]] = (
    AmountInvalid,
    CurrencyUnknown,
    *(leaf for leaf in REFUSALS_BY_CODE.values() if leaf is not BulkAborted),
    NotFound,
    KeyReused,
    KeyInProgress,
    OutcomeUnknown,
)
"""What may be refused when money moves."""


class HowToTransfer(Query, frozen=True):
    """Whether it is only rehearsed."""

    dry_run: Annotated[bool, Meta(description="Keep nothing; needs no key.")] = False


class TransfersAsked(Paged, frozen=True):
    """Which transfers; ``from`` is included, ``to`` is not."""

    account_id: IdText | None = None
    idempotency_key: KeyText | None = None
    kind: TransferKindText | None = None
    since: When | None = msgspec.field(default=None, name="from")
    until: When | None = msgspec.field(default=None, name="to")
    metadata: Annotated[dict[MetadataKey, MetadataValue], Meta(max_length=16)] | None = None


class RefusedObject(msgspec.Struct, frozen=True, tag_field="status", tag="refused"):
    """What a key remembers of a refusal: the problem that was answered."""

    problem: dict[str, Any]


Found: TypeAlias = TransferObject | RefusedObject


class Transfers:
    """The endpoints of transfers."""

    def __init__(
        self,
        movements: Movements,
        books: Books,
        reads: TransferReads,
        *,
        accounts: AccountReads,
        cursors: Cursors,
        new_id: IdSource,
    ) -> None:
        self._movements = movements
        self._books = books
        self._reads = reads
        self._accounts = accounts
        self._cursors = cursors
        self._new_id = new_id

    async def create(self, call: Call[NewTransfer, HowToTransfer]) -> Answer:
        """Move money, or tell what would come of it."""
        movement = commands.transfer(call.body, Asked.by(call), self._new_id)
        if not call.query.dry_run:
            return answer_of(await self._movements.submit(movement, call.deadline_seconds), call)
        outcome = await self._books.rehearse(movement)
        if outcome.transfer is None:
            return problem(outcome.error(), call.request_id)
        shown = transfer_object(outcome.transfer, call.principal.id)
        return ok(msgspec.structs.replace(shown, id=None, idempotency_key=UNSET))

    async def one(self, call: Call[None, Query]) -> Answer:
        """Show a transfer."""
        found = await self._reads.one(call.ids[0], reads_as(call.principal))
        if found is None:
            raise NotFound
        return ok(transfer_object(found, call.principal.id))

    async def many(self, call: Call[None, TransfersAsked]) -> Answer:
        """List transfers, or find what became of a key."""
        query, reader = call.query, call.principal.id
        wanted = TransferFilter(
            owner_id=reader if query.account_id is None else reads_as(call.principal),
            viewer_id=reader,
            account_id=None if query.account_id is None else id_of(query.account_id),
            kind=None if query.kind is None else TransferKind(query.kind),
            since=query.since,
            until=query.until,
            metadata=None if not query.metadata else _text(query.metadata),
        )
        if wanted.account_id is not None:
            await self._accounts.one(wanted.account_id, wanted.owner_id)
        if query.idempotency_key is not None:
            return ok(await self._of_key(reader, query.idempotency_key, wanted))
        return ok(await self._page(query, reader, wanted))

    async def _page(
        self, query: TransfersAsked, reader: UUID, wanted: TransferFilter
    ) -> Page[TransferObject]:
        """Return the page that was asked for."""
        filters = msgspec.structs.asdict(query) | {"limit": None, "cursor": None}
        listing = Listing(self._cursors, reader, "transfers", (sorted(filters.items()),))
        position = listing.position(query.cursor)
        rows = await self._reads.many(
            wanted,
            before=None if position is None else UUID(str(position[0])),
            limit=query.limit + 1,
        )
        return listing.page(
            rows,
            query.limit,
            lambda row: (str(row.id),),
            lambda row: transfer_object(row, reader),
        )

    async def _of_key(self, reader: UUID, key: str, wanted: TransferFilter) -> Page[Found]:
        """Return what the reader's *key* led to: a transfer, a refusal, or nothing yet."""
        kept = await self._reads.kept(reader, key)
        if kept is None or kept.outcome is None:
            return Page([], None)
        outcome = kept.outcome
        if outcome.verdict is Verdict.REFUSED:
            told = document(outcome.error(), outcome.request_id)
            return Page([RefusedObject(told)], None)
        transfer = outcome.transfer
        if transfer is None or not _passes(transfer, wanted):
            return Page([], None)
        return Page([transfer_object(transfer, reader)], None)


def _passes(transfer: Transfer, wanted: TransferFilter) -> bool:
    """Tell whether *transfer*, found by its key, is among those that are *wanted*."""
    sides = (transfer.source_account_id, transfer.destination_account_id)
    noted = msgspec.json.decode(transfer.metadata or "{}", type=dict[str, str]).items()
    asked = msgspec.json.decode(wanted.metadata or "{}", type=dict[str, str]).items()
    return all(
        (
            wanted.account_id in (None, *sides),
            wanted.kind in (None, transfer.kind),
            wanted.since is None or transfer.posted_at >= wanted.since,
            wanted.until is None or transfer.posted_at < wanted.until,
            asked <= noted,
        )
    )


def _text(metadata: dict[str, str]) -> str:
    """Return *metadata* as JSON text."""
    return msgspec.json.encode(metadata).decode()


EXAMPLE: Final = {
    "source_account_id": "01890a5d-ac96-774b-bcce-b302099a8057",
    "destination_account_id": "01890a5d-ac96-774b-bcce-b302099a8058",
    "amount": "10.50",
    "currency": "USD",
    "description": "Lunch",
    "metadata": {"order": "1234"},
}


def routes(transfers: Transfers) -> list[Route]:
    """Return the routes of transfers."""
    return [_making(transfers), *_reading(transfers)]


def _making(transfers: Transfers) -> Route:
    """Return the route that moves money."""
    return Route(
        method="POST",
        path="/v1/transfers",
        endpoint=transfers.create,
        access=WRITE,
        tag=TAG,
        summary="Move money",
        body=NewTransfer,
        query=HowToTransfer,
        key=KeyPolicy.REQUIRED_UNLESS_DRY_RUN,
        answers={201: TransferObject, 200: TransferObject},
        problems=MOVING_PROBLEMS,
        example=EXAMPLE,
        notes="A dry run answers 200 with what would be answered; nothing is kept.",
    )


def _reading(transfers: Transfers) -> list[Route]:
    """Return the routes that show what was moved."""
    return [
        Route(
            method="GET",
            path="/v1/transfers",
            endpoint=transfers.many,
            access=READ,
            tag=TAG,
            summary="List transfers",
            query=TransfersAsked,
            answers={200: Page[Found]},
            problems=(CursorInvalid, NotFound),
            notes="With idempotency_key: what became of it, a refusal too.",
        ),
        Route(
            method="GET",
            path="/v1/transfers/{transfer_id}",
            endpoint=transfers.one,
            access=READ,
            tag=TAG,
            summary="Show a transfer",
            answers={200: TransferObject},
        ),
    ]
