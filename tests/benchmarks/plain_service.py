"""The program to compare with: what a competent team writes with FastAPI and psycopg.

One transaction per transfer: the idempotency key, both accounts locked in id order, the check,
the transfer, two postings, two balances, the outbox row, commit. Nothing is left out that the
platform does for its callers' safety, and nothing is made slow on purpose.

It runs below uvicorn with uvloop and httptools: ``uvicorn tests.benchmarks.plain_service:app``.
"""

from __future__ import annotations

import hashlib
import json
import os
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID, uuid4

from fastapi import Depends, FastAPI, Header, HTTPException, Query, Request, Response
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from psycopg.types.json import Json
from psycopg_pool import AsyncConnectionPool
from pydantic import BaseModel, ConfigDict, StringConstraints

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from psycopg import AsyncConnection

DSN_VARIABLE = "PLAIN_DSN"
TOKENS_VARIABLE = "PLAIN_TOKENS"
POOL_VARIABLE = "PLAIN_POOL_MAX"

VERSION_MAX = 2**63 - 1
ACCOUNT = """
SELECT currency, balance_minor, version, created_at FROM accounts WHERE id = %s AND owner_id = %s
"""
ENTRIES = """
SELECT p.transfer_id, p.amount_minor, p.balance_after_minor, p.version,
    t.source_account_id, t.destination_account_id, t.description, p.posted_at
FROM postings p JOIN transfers t ON t.id = p.transfer_id
WHERE p.account_id = %s AND p.version < %s ORDER BY p.version DESC LIMIT %s
"""
TRANSFER = """
SELECT t.source_account_id, t.destination_account_id, t.amount_minor, t.currency, t.description,
    t.idempotency_key, t.posted_at
FROM transfers t
WHERE t.id = %s AND (t.owner_id = %s OR EXISTS (
    SELECT FROM accounts a
    WHERE a.id IN (t.source_account_id, t.destination_account_id) AND a.owner_id = %s
))
"""

Amount = Annotated[str, StringConstraints(pattern=r"^(0|[1-9][0-9]{0,12})(\.[0-9]{1,2})?$")]
Currency = Annotated[str, StringConstraints(pattern="^[A-Z]{3}$")]
Key = Annotated[str, Header(alias="Idempotency-Key", min_length=1, max_length=255)]


class TransferIn(BaseModel):
    """What a client asks for."""

    model_config = ConfigDict(extra="forbid")

    source_account_id: UUID
    destination_account_id: UUID
    amount: Amount
    currency: Currency
    description: Annotated[str, StringConstraints(max_length=140)] | None = None

    @property
    def amount_minor(self) -> int:
        """Return the amount in whole minor units; two decimals suffice here."""
        return int(Decimal(self.amount) * 100)


class TransferOut(BaseModel):
    """What a client is told."""

    id: UUID
    status: str = "posted"
    source_account_id: UUID
    destination_account_id: UUID
    amount: str
    currency: str
    description: str | None
    idempotency_key: str
    posted_at: datetime


@dataclass(frozen=True, slots=True)
class Command:
    """A transfer that somebody asked for under a key."""

    id: UUID
    owner_id: UUID
    key: str
    wish: TransferIn

    @property
    def fingerprint(self) -> bytes:
        """Return a hash of the wish: the same wish has the same one."""
        return hashlib.sha256(self.wish.model_dump_json().encode()).digest()


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Open the pool of connections."""
    app.state.tokens = {token: UUID(owner) for token, owner in _tokens().items()}
    size_max = int(os.environ.get(POOL_VARIABLE, "16"))
    pool = AsyncConnectionPool(
        os.environ[DSN_VARIABLE], min_size=size_max, max_size=size_max, open=False
    )
    async with pool:
        await pool.wait()
        app.state.pool = pool
        yield


app = FastAPI(lifespan=lifespan)
bearer = HTTPBearer()


def _tokens() -> dict[str, str]:
    return json.loads(os.environ[TOKENS_VARIABLE])


async def owner(
    request: Request, credentials: Annotated[HTTPAuthorizationCredentials, Depends(bearer)]
) -> UUID:
    """Return who is asking."""
    found = request.app.state.tokens.get(credentials.credentials)
    if found is None:
        raise HTTPException(401)
    return found


class AccountOut(BaseModel):
    """An account with what it holds."""

    id: UUID
    owner_id: UUID
    currency: str
    balance: str
    version: int
    created_at: datetime


class EntryOut(BaseModel):
    """One posting of an account, and who is on its other side."""

    transfer_id: UUID
    amount: str
    currency: str
    balance_after: str
    version: int
    counterparty_account_id: UUID
    description: str | None
    posted_at: datetime


class EntriesOut(BaseModel):
    """A page of entries, the latest first; *before* of the next page is the last version."""

    data: list[EntryOut]
    next_before: int | None


@app.get("/readyz")
async def ready() -> dict[str, str]:
    """Say that the pool is open."""
    return {"status": "ready"}


@app.post("/v1/transfers", status_code=201)
async def transfer(
    wish: TransferIn,
    owner_id: Annotated[UUID, Depends(owner)],
    key: Key,
    request: Request,
    response: Response,
) -> TransferOut:
    """Move money once."""
    command = Command(uuid4(), owner_id, key, wish)
    async with request.app.state.pool.connection() as connection:
        if not await _take_key(connection, command):
            response.headers["Idempotent-Replayed"] = "true"
            return await _kept(connection, command)
        return _answer(command, command.id, await _post(connection, command))


@app.get("/v1/accounts/{account_id}")
async def account(
    account_id: UUID, owner_id: Annotated[UUID, Depends(owner)], request: Request
) -> AccountOut:
    """Show an account."""
    row = await _own_account(request, account_id, owner_id)
    return AccountOut(
        id=account_id,
        owner_id=owner_id,
        currency=row[0],
        balance=_text(row[1]),
        version=row[2],
        created_at=row[3],
    )


@app.get("/v1/accounts/{account_id}/entries")
async def entries(
    account_id: UUID,
    owner_id: Annotated[UUID, Depends(owner)],
    request: Request,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
    before: Annotated[int, Query(ge=1)] = VERSION_MAX,
) -> EntriesOut:
    """List the latest entries of an account, or those before a version."""
    (currency, *_) = await _own_account(request, account_id, owner_id)
    async with request.app.state.pool.connection() as connection:
        cursor = await connection.execute(ENTRIES, (account_id, before, limit))
        rows = await cursor.fetchall()
    found = [_entry(row, account_id, currency) for row in rows]
    return EntriesOut(data=found, next_before=found[-1].version if len(found) == limit else None)


@app.get("/v1/transfers/{transfer_id}")
async def one_transfer(
    transfer_id: UUID, owner_id: Annotated[UUID, Depends(owner)], request: Request
) -> TransferOut:
    """Show a transfer to who asked for it or owns a side of it."""
    async with request.app.state.pool.connection() as connection:
        cursor = await connection.execute(TRANSFER, (transfer_id, owner_id, owner_id))
        row = await cursor.fetchone()
    if row is None:
        raise HTTPException(404)
    return TransferOut(
        id=transfer_id,
        source_account_id=row[0],
        destination_account_id=row[1],
        amount=_text(row[2]),
        currency=row[3],
        description=row[4],
        idempotency_key=row[5],
        posted_at=row[6],
    )


async def _own_account(request: Request, account_id: UUID, owner_id: UUID) -> tuple[Any, ...]:
    """Return the row of an account of the caller's; anybody else's is 404."""
    async with request.app.state.pool.connection() as connection:
        cursor = await connection.execute(ACCOUNT, (account_id, owner_id))
        row = await cursor.fetchone()
    if row is None:
        raise HTTPException(404)
    return row


def _entry(row: tuple[Any, ...], account_id: UUID, currency: str) -> EntryOut:
    other = row[5] if row[4] == account_id else row[4]
    return EntryOut(
        transfer_id=row[0],
        amount=_text(row[1]),
        currency=currency,
        balance_after=_text(row[2]),
        version=row[3],
        counterparty_account_id=other,
        description=row[6],
        posted_at=row[7],
    )


def _text(minor: int) -> str:
    return f"{Decimal(minor) / 100:.2f}"


async def _take_key(connection: AsyncConnection[Any], command: Command) -> bool:
    """Tell whether the key is new; a twin of this request waits here for the first to end."""
    cursor = await connection.execute(
        "INSERT INTO idempotency_keys (owner_id, idempotency_key, fingerprint, object_id)"
        " VALUES (%s, %s, %s, %s) ON CONFLICT DO NOTHING",
        (command.owner_id, command.key, command.fingerprint, command.id),
    )
    return cursor.rowcount == 1


async def _kept(connection: AsyncConnection[Any], command: Command) -> TransferOut:
    """Return the answer that the key stands for."""
    cursor = await connection.execute(
        "SELECT k.fingerprint, t.id, t.posted_at"
        " FROM idempotency_keys k JOIN transfers t ON t.id = k.object_id"
        " WHERE k.owner_id = %s AND k.idempotency_key = %s",
        (command.owner_id, command.key),
    )
    row = await cursor.fetchone()
    if row is None or row[0] != command.fingerprint:
        raise HTTPException(409, "idempotency-key-reused")
    return _answer(command, row[1], row[2])


async def _post(connection: AsyncConnection[Any], command: Command) -> datetime:
    """Write the facts; a refusal rolls back and frees the key."""
    wish, amount_minor = command.wish, command.wish.amount_minor
    accounts = await _locked(connection, command)
    source, destination = accounts[wish.source_account_id], accounts[wish.destination_account_id]
    cursor = await connection.execute(
        "INSERT INTO transfers (id, source_account_id, destination_account_id, amount_minor,"
        " currency, description, owner_id, idempotency_key)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s, %s) RETURNING posted_at",
        (
            command.id,
            wish.source_account_id,
            wish.destination_account_id,
            amount_minor,
            wish.currency,
            wish.description,
            command.owner_id,
            command.key,
        ),
    )
    (posted_at,) = await cursor.fetchone()
    await _move(connection, command.id, source, -amount_minor)
    await _move(connection, command.id, destination, amount_minor)
    payload = {"transfer_id": str(command.id), **wish.model_dump(mode="json")}
    await connection.execute(
        "INSERT INTO outbox (aggregate_id, type, payload) VALUES (%s, 'transfer.posted', %s)",
        (wish.source_account_id, Json(payload)),
    )
    return posted_at


async def _locked(
    connection: AsyncConnection[Any], command: Command
) -> dict[UUID, tuple[UUID, int, int]]:
    """Lock both accounts in id order and check that the money may move."""
    wish = command.wish
    cursor = await connection.execute(
        "SELECT id, owner_id, kind, currency, balance_minor, version FROM accounts"
        " WHERE id = ANY(%s) ORDER BY id FOR UPDATE",
        ([wish.source_account_id, wish.destination_account_id],),
    )
    rows = {row[0]: row for row in await cursor.fetchall()}
    source, destination = (
        rows.get(wish.source_account_id),
        rows.get(wish.destination_account_id),
    )
    if source is None or source[1] != command.owner_id:
        raise HTTPException(404)
    if destination is None or destination[2] == "world" or source is destination:
        raise HTTPException(422, "destination-unknown")
    if not source[3] == destination[3] == wish.currency or wish.amount_minor == 0:
        raise HTTPException(422, "currency-mismatch")
    if source[4] < wish.amount_minor:
        raise HTTPException(422, "insufficient-funds")
    return {key: (row[0], row[4], row[5]) for key, row in rows.items()}


async def _move(
    connection: AsyncConnection[Any],
    transfer_id: UUID,
    account: tuple[UUID, int, int],
    amount_minor: int,
) -> None:
    """Write one posting and the balance after it."""
    account_id, balance_minor, version = account
    after = (balance_minor + amount_minor, version + 1)
    await connection.execute(
        "INSERT INTO postings"
        " (account_id, version, transfer_id, amount_minor, balance_after_minor)"
        " VALUES (%s, %s, %s, %s, %s)",
        (account_id, after[1], transfer_id, amount_minor, after[0]),
    )
    await connection.execute(
        "UPDATE accounts SET balance_minor = %s, version = %s WHERE id = %s", (*after, account_id)
    )


def _answer(command: Command, transfer_id: UUID, posted_at: datetime) -> TransferOut:
    wish = command.wish
    return TransferOut(
        id=transfer_id,
        source_account_id=wish.source_account_id,
        destination_account_id=wish.destination_account_id,
        amount=f"{Decimal(wish.amount):.2f}",
        currency=wish.currency,
        description=wish.description,
        idempotency_key=command.key,
        posted_at=posted_at,
    )
