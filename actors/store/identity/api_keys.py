"""API keys: long-lived credentials of programs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final
from uuid import UUID

from psycopg import errors as postgres

from actors.domain.credentials import ApiKeyInfo
from actors.domain.errors_identity import FieldInvalid
from actors.store import outbox

if TYPE_CHECKING:
    from actors.domain.events import Event
    from actors.store.pool import Pool

_EXPIRES_LATER: Final = "ck_api_keys_expires_later"


@dataclass(frozen=True, slots=True)
class NewApiKey:
    """What the making of a key stores; without a user it is the platform's own."""

    id: UUID
    user_id: UUID | None
    name: str
    scopes: tuple[str, ...]
    secret_hash: bytes
    expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class LiveApiKey:
    """A key that may be used now, with the roles its user has now."""

    user_id: UUID | None
    scopes: tuple[str, ...]
    roles: tuple[str, ...]
    secret_hash: bytes


class ApiKeyStore:
    """Reads and writes API keys."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def add(self, key: NewApiKey, event: Event) -> ApiKeyInfo:
        """Add *key*.

        Raises:
            FieldInvalid: If it would have expired already, by the database's clock.
        """
        try:
            created_at = await self._add(key, event)
        except postgres.CheckViolation as violation:
            if violation.diag.constraint_name != _EXPIRES_LATER:
                raise
            raise FieldInvalid("expires_at", "in the past") from violation
        return ApiKeyInfo(key.id, key.name, key.scopes, created_at, key.expires_at)

    async def _add(self, key: NewApiKey, event: Event) -> datetime:
        async with self._pool.transaction() as connection:
            cursor = await connection.execute(
                "INSERT INTO api_keys (id, user_id, name, scopes, secret_hash, expires_at)"
                " VALUES (%s, %s, %s, %s, %s, %s) RETURNING created_at",
                (
                    key.id,
                    key.user_id,
                    key.name,
                    list(key.scopes),
                    key.secret_hash,
                    key.expires_at,
                ),
            )
            row = await cursor.fetchone()
            assert row is not None  # noqa: S101  an INSERT without a condition returns its row
            await outbox.append(connection, [event])
        created_at: datetime = row[0]
        return created_at

    async def page_of(self, user_id: UUID, *, before: UUID | None, limit: int) -> list[ApiKeyInfo]:
        """Return at most *limit* keys of a user that are not deleted, newest first."""
        async with self._pool.transaction() as connection:
            cursor = await connection.execute(
                "SELECT id, name, scopes, created_at, expires_at FROM api_keys"
                " WHERE user_id = %s AND deleted_at IS NULL"
                " AND (%s::uuid IS NULL OR id < %s) ORDER BY id DESC LIMIT %s",
                (user_id, before, before, limit),
            )
            rows = await cursor.fetchall()
        return [ApiKeyInfo(row[0], row[1], tuple(row[2]), row[3], row[4]) for row in rows]

    async def delete(self, key_id: UUID, user_id: UUID, event: Event) -> bool:
        """Delete a user's key; tell whether there was one."""
        async with self._pool.transaction() as connection:
            cursor = await connection.execute(
                "WITH gone AS (UPDATE api_keys SET deleted_at = now()"
                " WHERE id = %s AND user_id = %s AND deleted_at IS NULL RETURNING id)"
                " INSERT INTO revocations (subject) SELECT id FROM gone",
                (key_id, user_id),
            )
            was_there = cursor.rowcount > 0
            if was_there:
                await outbox.append(connection, [event])
        return was_there

    async def live(self, key_id: UUID) -> LiveApiKey | None:
        """Return the key if it is neither deleted nor expired and its user is active."""
        async with self._pool.transaction() as connection:
            cursor = await connection.execute(
                "SELECT k.user_id, k.scopes, coalesce(u.roles, '{}'), k.secret_hash"
                " FROM api_keys k LEFT JOIN users u ON u.id = k.user_id"
                " WHERE k.id = %s AND k.deleted_at IS NULL"
                " AND (k.expires_at IS NULL OR k.expires_at > now())"
                " AND (k.user_id IS NULL OR u.status = 'active')",
                (key_id,),
            )
            row = await cursor.fetchone()
        return LiveApiKey(row[0], tuple(row[1]), tuple(row[2]), row[3]) if row else None
