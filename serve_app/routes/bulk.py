"""Many transfers in one call: each for itself, or all or none."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, TypeAlias

import msgspec
from msgspec import UNSET, Meta, UnsetType

from actors.domain.errors import BulkAborted, GopherPayError
from actors.domain.transfers import Movement, Outcome, Verdict
from serve_app.http.errors import KeyInvalid, KeyMissing, ValidationFailed
from serve_app.http.exchange import Answer, ok
from serve_app.http.problems import document, status_of
from serve_app.http.routing import BULK_LIMIT_BYTES, Route
from serve_app.http.texts import Body
from serve_app.http.validation import into
from serve_app.routes import commands
from serve_app.routes.commands import Asked, BulkItem
from serve_app.routes.objects import TransferObject, transfer_object
from serve_app.routes.transfers import EXAMPLE, TAG, WRITE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from actors.ports.ledger import IdSource
    from serve_app.http.exchange import Call
    from serve_app.http.texts import Query
    from serve_app.ports import Books, Movements

ITEMS_MAX: Final = 1_000

Item: TypeAlias = Annotated[
    Any,
    Meta(
        description="A transfer with its own idempotency_key; what is wrong with it is its result."
    ),
]


class Bulk(Body, frozen=True):
    """Transfers in order, and how they hang together."""

    mode: Literal["independent", "atomic"]
    transfers: Annotated[
        list[Item],
        Meta(min_length=1, max_length=ITEMS_MAX, extra={"texts": "deferred"}),
    ]


class ItemResult(msgspec.Struct, frozen=True):
    """What became of an item: a transfer, or a problem with its status."""

    status: int
    transfer: TransferObject | UnsetType = UNSET
    replayed: bool | UnsetType = UNSET
    problem: dict[str, Any] | UnsetType = UNSET


class Results(msgspec.Struct, frozen=True):
    """One result for each item, in the order of the items."""

    results: list[ItemResult]


class Bulks:
    """The endpoint of bulks."""

    def __init__(self, movements: Movements, books: Books, *, new_id: IdSource) -> None:
        self._movements = movements
        self._books = books
        self._new_id = new_id
        self._under_way: set[asyncio.Task[list[Outcome]]] = set()

    async def create(self, call: Call[Bulk, Query]) -> Answer:
        """Move money many times."""
        wishes = [self._wish(item, call) for item in call.body.transfers]
        movements = [wish for wish in wishes if isinstance(wish, Movement)]
        decided: Sequence[Outcome | GopherPayError]
        if call.body.mode == "independent":
            decided = await self._movements.submit_many(movements, call.deadline_seconds)
        elif len(movements) == len(wishes):
            decided = await self._all_or_none(movements)
        else:
            decided = [BulkAborted() for _ in movements]
        answers = iter(decided)
        ends = [next(answers) if isinstance(wish, Movement) else wish for wish in wishes]
        return ok(Results([_result(end, call) for end in ends]))

    def _wish(self, item: object, call: Call[Bulk, Query]) -> Movement | GopherPayError:
        """Return the movement an item asks for, or what is wrong with the item."""
        try:
            body = into(BulkItem, item, check_texts=True)
            return commands.transfer(body, Asked.by(call, body.idempotency_key), self._new_id)
        except ValidationFailed as error:
            return _about_key(error, item)
        except GopherPayError as error:
            return error

    async def _all_or_none(self, movements: Sequence[Movement]) -> list[Outcome]:
        """Post all or none; a caller that goes away does not stop what has begun."""
        task = asyncio.create_task(self._books.commit_all_or_none(movements))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)
        return await asyncio.shield(task)


def _about_key(error: ValidationFailed, item: object) -> GopherPayError:
    """Return the error as the header would have had it, if it is about the item's key."""
    if [wrong.field for wrong in error.errors] != ["idempotency_key"]:
        return error
    missing = isinstance(item, dict) and item.get("idempotency_key") is None
    return KeyMissing() if missing else KeyInvalid()


def _result(end: Outcome | GopherPayError, call: Call[Bulk, Query]) -> ItemResult:
    """Return one item's result."""
    if isinstance(end, Outcome):
        if end.verdict is Verdict.POSTED and end.transfer is not None:
            shown = transfer_object(end.transfer, call.principal.id)
            return ItemResult(201, transfer=shown, replayed=end.replayed)
        error, request_id = end.error(), end.request_id or call.request_id
    else:
        error, request_id = end, call.request_id
    return ItemResult(status_of(type(error)).value, problem=document(error, request_id))


def routes(bulks: Bulks) -> list[Route]:
    """Return the route of bulks."""
    return [
        Route(
            method="POST",
            path="/v1/transfers/bulk",
            endpoint=bulks.create,
            access=WRITE,
            tag=TAG,
            summary="Move money many times",
            body=Bulk,
            body_limit_bytes=BULK_LIMIT_BYTES,
            answers={200: Results},
            example={
                "mode": "independent",
                "transfers": [{"idempotency_key": "order-1234", **EXAMPLE}],
            },
            notes="Each item has its own key, and its own result in the same place.",
        ),
    ]
