"""What an owner or an operator does to an account, apart from moving money."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from psycopg import errors as postgres

from actors.domain.accounts import AccountStatus, Wallet
from actors.domain.batches import KeptAnswer, replayed
from actors.domain.errors import (
    AccountClosed,
    AccountNotEmpty,
    AccountsNotEmpty,
    KeyInProgress,
    NotFound,
    Unauthenticated,
)
from actors.domain.events import (
    account_closed,
    account_frozen,
    account_opened,
    account_unfrozen,
)
from actors.store import encoding, outbox
from actors.store.wallets import WALLET_COLUMNS, wallet

if TYPE_CHECKING:
    from collections.abc import Mapping
    from uuid import UUID

    from psycopg import AsyncConnection

    from actors.domain.accounts import Account
    from actors.ports.ledger import KeyClaim
    from actors.store.pool import Pool

ATTEMPTS_MAX: Final = 2

LOCK = (
    "SELECT id, owner_id, kind, currency, status, balance_minor, held_minor, overdraft_minor,"
    " version, last_posted_at FROM accounts"
    " WHERE kind = 'customer' AND id = %s AND (%s::uuid IS NULL OR owner_id = %s)"
    " FOR NO KEY UPDATE"
)

OWNER = "SELECT status FROM users WHERE id = %s FOR SHARE"

LOCK_ALL_OF = (
    "SELECT id, currency, balance_minor, held_minor FROM accounts"
    " WHERE owner_id = %s AND status <> 'closed' ORDER BY id FOR NO KEY UPDATE"
)

STANDS = f"SELECT {WALLET_COLUMNS} FROM accounts a WHERE a.id = %s".encode()  # noqa: S608  constant

CLOSE = (
    "UPDATE accounts SET status = 'closed', is_default = false, closed_at = clock_timestamp()"
    " WHERE id = ANY(%s::uuid[])"
)

KEY_ROW = (
    "SELECT fingerprint, object_kind, object_id, answer FROM idempotency_keys"
    " WHERE principal_id = %s AND idempotency_key = %s"
)


class Accounts:
    """The accounts of one database."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def open(
        self,
        account_id: UUID,
        owner_id: UUID,
        currency: str,
        name: str | None,
        claim: KeyClaim | None,
    ) -> tuple[Wallet, bool]:
        """Open an account, once per key; return it as it was opened, and whether it was before.

        Raises:
            KeyReused: If the key belongs to another command.
            KeyInProgress: If twins of this request keep getting in the way.
        """
        for _ in range(ATTEMPTS_MAX):
            try:
                return await self._open(account_id, owner_id, currency, name, claim)
            except postgres.UniqueViolation:
                continue  # a twin of this request was faster; now its answer can be read
        raise KeyInProgress

    async def _open(
        self,
        account_id: UUID,
        owner_id: UUID,
        currency: str,
        name: str | None,
        claim: KeyClaim | None,
    ) -> tuple[Wallet, bool]:
        """Open the account in one transaction."""
        async with self._pool.transaction() as connection:
            if claim is not None and (before := await _opened_before(connection, claim)):
                return before, True
            await _still_a_customer(connection, owner_id)
            await connection.execute(
                "INSERT INTO accounts (id, owner_id, kind, currency, name)"
                " VALUES (%s, %s, 'customer', %s, %s)",
                (account_id, owner_id, currency, name),
            )
            opened = await _wallet(connection, account_id)
            if claim is not None:
                await _keep(connection, claim, opened)
            await outbox.append(connection, [account_opened(account_id, owner_id, currency)])
        return opened, False

    async def rename(self, account_id: UUID, owner_id: UUID, name: str) -> Wallet:
        """Give the account another name.

        Raises:
            NotFound: If the owner has no such account.
        """
        async with self._pool.transaction() as connection:
            await _locked(connection, account_id, owner_id)
            await connection.execute(
                "UPDATE accounts SET name = %s WHERE id = %s", (name, account_id)
            )
            return await _wallet(connection, account_id)

    async def make_default(self, account_id: UUID, owner_id: UUID) -> Wallet:
        """Name the account as the owner's default for its currency.

        Raises:
            NotFound: If the owner has no such account.
            AccountClosed: If it is closed.
        """
        async with self._pool.transaction() as connection:
            # Another default may be named at the same moment: the later one must see the earlier.
            await connection.execute(LOCK_ALL_OF, (owner_id,))
            account = await _locked(connection, account_id, owner_id)
            if account.status is AccountStatus.CLOSED:
                raise AccountClosed
            await connection.execute(
                "UPDATE accounts SET is_default = false"
                " WHERE owner_id = %s AND currency = %s AND is_default",
                (account.owner_id, account.currency),
            )
            await connection.execute(
                "UPDATE accounts SET is_default = true WHERE id = %s", (account_id,)
            )
            return await _wallet(connection, account_id)

    async def close(self, account_id: UUID, owner_id: UUID) -> Wallet:
        """Close an empty account; closing it again changes nothing.

        Raises:
            NotFound: If the owner has no such account.
            AccountNotEmpty: If money or holds are left on it.
        """
        async with self._pool.transaction() as connection:
            account = await _locked(connection, account_id, owner_id)
            if account.status is not AccountStatus.CLOSED:
                if account.balance_minor or account.held_minor:
                    raise AccountNotEmpty
                await _close(connection, owner_id, {account_id: account.currency})
            return await _wallet(connection, account_id)

    async def freeze(self, account_id: UUID, reason: str) -> Wallet:
        """Stop every debit of the account; credits still pass.

        Raises:
            NotFound, AccountClosed: As their names say.
        """
        return await self._set_status(account_id, AccountStatus.FROZEN, reason)

    async def unfreeze(self, account_id: UUID, reason: str) -> Wallet:
        """Allow debits again.

        Raises:
            NotFound, AccountClosed: As their names say.
        """
        return await self._set_status(account_id, AccountStatus.OPEN, reason)

    async def _set_status(self, account_id: UUID, wanted: AccountStatus, reason: str) -> Wallet:
        """Set the status and say so; setting it again changes nothing."""
        async with self._pool.transaction() as connection:
            account = await _locked(connection, account_id, None)
            if account.status is AccountStatus.CLOSED:
                raise AccountClosed
            if account.status is not wanted:
                await connection.execute(
                    "UPDATE accounts SET status = %s WHERE id = %s", (wanted, account_id)
                )
                make = account_frozen if wanted is AccountStatus.FROZEN else account_unfrozen
                event = make(account_id, account.owner_id, account.currency, reason)
                await outbox.append(connection, [event])
            return await _wallet(connection, account_id)


async def _still_a_customer(connection: AsyncConnection[Any], owner_id: UUID) -> None:
    """Pass unless the owner has been closed: a token may outlive its user by some seconds.

    The row lock makes a closing at the same moment wait, and then see the new account.

    Raises:
        Unauthenticated: If so.
    """
    row = await (await connection.execute(OWNER, (owner_id,))).fetchone()
    if row is not None and row[0] == "closed":
        raise Unauthenticated


async def close_all_of(connection: AsyncConnection[Any], user_id: UUID) -> None:
    """Close every account of *user_id* in the open transaction of *connection*.

    Raises:
        AccountsNotEmpty: If money or holds are left on one of them.
    """
    rows = await (await connection.execute(LOCK_ALL_OF, (user_id,))).fetchall()
    if any(balance_minor or held_minor for *_, balance_minor, held_minor in rows):
        raise AccountsNotEmpty
    if rows:
        await _close(connection, user_id, {row[0]: row[1] for row in rows})


async def _close(
    connection: AsyncConnection[Any], owner_id: UUID, currencies: Mapping[UUID, str]
) -> None:
    """Close accounts that are locked and known to be empty, given with their currencies."""
    await connection.execute(CLOSE, (encoding.ids(currencies),))
    events = [account_closed(each, owner_id, currency) for each, currency in currencies.items()]
    await outbox.append(connection, events)


async def _locked(
    connection: AsyncConnection[Any], account_id: UUID, owner_id: UUID | None
) -> Account:
    """Return a customer's account under its row lock.

    Raises:
        NotFound: If there is none, or *owner_id* is given and owns it not.
    """
    row = await (await connection.execute(LOCK, (account_id, owner_id, owner_id))).fetchone()
    if row is None:
        raise NotFound
    return encoding.account(row)


async def _wallet(connection: AsyncConnection[Any], account_id: UUID) -> Wallet:
    """Return the account as it stands in this transaction."""
    row = await (await connection.execute(STANDS, (account_id,))).fetchone()
    if row is None:
        raise NotFound
    return wallet(row)


async def _opened_before(connection: AsyncConnection[Any], claim: KeyClaim) -> Wallet | None:
    """Return the account that this key has opened, as it was then.

    Raises:
        KeyReused: If the key belongs to another command.
    """
    asked = (claim.principal_id, claim.idempotency_key)
    row = await (await connection.execute(KEY_ROW, asked)).fetchone()
    if row is None:
        return None
    fingerprint, object_kind, object_id, answer = row
    if object_kind != "account" or fingerprint != claim.fingerprint:
        kept = KeptAnswer(*asked, fingerprint, object_kind, object_id, None)
        raise replayed(kept, claim.fingerprint).error()
    current = await _wallet(connection, object_id)
    return Wallet(
        id=current.id,
        owner_id=current.owner_id,
        currency=current.currency,
        name=answer["name"],
        is_default=answer["is_default"],
        status=AccountStatus.OPEN,
        balance_minor=0,
        held_minor=0,
        overdraft_minor=0,
        version=0,
        created_at=current.created_at,
    )


async def _keep(connection: AsyncConnection[Any], claim: KeyClaim, opened: Wallet) -> None:
    """Keep what the opening answered under its key."""
    answer = {"name": opened.name, "is_default": opened.is_default}
    await connection.execute(
        "INSERT INTO idempotency_keys"
        " (principal_id, idempotency_key, fingerprint, object_kind, object_id, answer)"
        " VALUES (%s, %s, %s, 'account', %s, %s)",
        (
            claim.principal_id,
            claim.idempotency_key,
            claim.fingerprint,
            opened.id,
            json.dumps(answer),
        ),
    )
