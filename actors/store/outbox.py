"""Facts on their way out: written in the transaction that makes them true."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actors.ports import tracing
from actors.store import encoding
from actors.store.statements import INSERT_OUTBOX

if TYPE_CHECKING:
    from collections.abc import Sequence

    from psycopg import AsyncConnection

    from actors.domain.events import Event


async def append(connection: AsyncConnection, events: Sequence[Event]) -> None:
    """Add *events* to the outbox inside the open transaction of *connection*.

    Those without a trace get that of the request under way.
    """
    await connection.execute(INSERT_OUTBOX, encoding.outbox(events, tracing.trace_parent.get()))
