"""Ray Serve cancels the handler when its client leaves; money that moves is not stopped by it."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from uuid import UUID

from actors.domain.principals import USER_SCOPES, Principal
from serve_app.http.exchange import Call
from serve_app.http.texts import Query
from serve_app.routes.bulk import Bulk, Bulks

ID = "01890a5d-ac96-774b-bcce-b302099a8057"


class SlowBooks:
    """Takes its time and says when it is through."""

    def __init__(self):
        self.began, self.goes_on, self.ended = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def commit_all_or_none(self, movements):
        self.movements = movements
        self.began.set()
        await self.goes_on.wait()
        self.ended.set()
        return []


async def test_an_atomic_bulk_that_has_begun_is_ended_without_its_client():
    books = SlowBooks()
    item = {
        "idempotency_key": "k",
        "source_account_id": ID,
        "destination_account_id": ID,
        "amount": "1.00",
        "currency": "USD",
    }
    call = Call(
        principal=Principal(UUID(int=7), USER_SCOPES),
        ids=(),
        body=Bulk(mode="atomic", transfers=[item]),
        query=Query(),
        idempotency_key=None,
        request_id="r",
        trace_parent=None,
        source_address="",
        deadline_seconds=5,
    )
    handler = asyncio.create_task(Bulks(None, books, new_id=lambda: UUID(ID)).create(call))
    await books.began.wait()
    handler.cancel()
    with suppress(asyncio.CancelledError):
        await handler
    books.goes_on.set()

    await asyncio.wait_for(books.ended.wait(), 60)

    assert handler.cancelled()
    assert len(books.movements) == 1
