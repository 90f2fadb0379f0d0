"""Sessions and their chain of refresh tokens."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from uuid import UUID

from actors.domain.credentials import PasswordHash
from actors.store import outbox
from actors.store.identity import sources

if TYPE_CHECKING:
    from psycopg import AsyncConnection

    from actors.domain.events import Event
    from actors.store.pool import Pool

SESSION_SECONDS: Final = 30 * 24 * 3600
IDLE_SECONDS: Final = 7 * 24 * 3600
GRACE_SECONDS: Final = 10
"""How long a used refresh token still gives its successor: the answer may have been lost."""

_ALIVE: Final = (
    "s.ended_at IS NULL AND s.expires_at > now()"
    " AND s.refreshed_at > now() - make_interval(secs => %s)"
)
_NOW_SECONDS: Final = "floor(extract(epoch FROM now()))::bigint"
"""Whole seconds that have passed: a token must not seem to come from the future."""

_OPEN: Final = f"""
WITH owner AS (
    SELECT u.id, u.roles, u.created_at FROM users u JOIN passwords p ON p.user_id = u.id
    WHERE u.id = %(user_id)s AND u.status = 'active' AND p.hash = %(proven)s FOR SHARE
), opened AS (
    INSERT INTO sessions (id, user_id, refresh_salt, expires_at)
    SELECT %(id)s, o.id, %(salt)s, now() + make_interval(secs => {SESSION_SECONDS}) FROM owner o
), {sources.SEE}
SELECT o.roles, {_NOW_SECONDS}, {sources.IS_NEW}, {sources.IS_NEWS} FROM owner o
"""  # noqa: S608  constants only
"""One statement for what nearly every log-in does: a source that is known costs no trip more."""


@dataclass(frozen=True, slots=True)
class NewSession:
    """What a log-in stores.

    Attributes:
        proven: The hash of the password that was just proven.
        source_hash: The keyed hash of where the log-in comes from.
    """

    id: UUID
    user_id: UUID
    salt: bytes
    proven: PasswordHash
    source_hash: bytes


@dataclass(frozen=True, slots=True)
class LiveSession:
    """A session at this moment of the database's clock."""

    id: UUID
    user_id: UUID
    counter: int
    roles: tuple[str, ...]
    now_seconds: int


class SessionStore:
    """Reads and writes sessions."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def open(self, new: NewSession, of_new_source: Event) -> LiveSession | None:
        """Open a session, and write *of_new_source* if its user has to hear of the source.

        Returns None if the user was closed or the password changed since it was read.
        """
        wish = {
            "id": new.id,
            "user_id": new.user_id,
            "salt": new.salt,
            "proven": new.proven.text,
            "source_hash": new.source_hash,
        }
        async with self._pool.transaction() as connection:
            row = await (await connection.execute(_OPEN.encode(), wish)).fetchone()
            if row is None:
                return None
            roles, now_seconds, is_new, is_news = row
            if is_new:
                await sources.forget_oldest(connection, new.user_id, new.source_hash)
            if is_new and is_news:
                await outbox.append(connection, [of_new_source])
        return LiveSession(new.id, new.user_id, 0, tuple(roles), now_seconds)

    async def salt_of(self, session_id: UUID) -> bytes | None:
        """Return the salt of a session, ended or not."""
        async with self._pool.transaction() as connection:
            cursor = await connection.execute(
                "SELECT refresh_salt FROM sessions WHERE id = %s", (session_id,)
            )
            row = await cursor.fetchone()
        return row[0] if row else None

    async def advance(self, session_id: UUID, counter: int) -> LiveSession | None:
        """Use the *counter*-th refresh token, which was proven to be ours.

        The current one moves the session on, once however many come at the same time; its
        predecessor gives the same answer for ten seconds.  Anything else has been stolen or
        is stale: the session ends, and None is returned (RFC 9700 §4.14).
        """
        async with self._pool.transaction() as connection:
            session = await _rotate(connection, session_id, counter)
            if session is None:
                session = await _repeat(connection, session_id, counter)
            if session is None:
                await _end(connection, "s.id = %s", session_id)
            return session

    async def end(self, session_id: UUID) -> None:
        """End one session."""
        async with self._pool.transaction() as connection:
            await _end(connection, "s.id = %s", session_id)

    async def end_all(self, user_id: UUID) -> None:
        """End every session of a user."""
        async with self._pool.transaction() as connection:
            await end_sessions(connection, user_id, kept=None)


async def end_sessions(connection: AsyncConnection, user_id: UUID, *, kept: UUID | None) -> None:
    """End a user's sessions but *kept*, inside the open transaction of *connection*."""
    await _end(connection, "s.user_id = %s AND s.id IS DISTINCT FROM %s", user_id, kept)


async def _rotate(
    connection: AsyncConnection, session_id: UUID, counter: int
) -> LiveSession | None:
    cursor = await connection.execute(
        "UPDATE sessions s SET refresh_counter = s.refresh_counter + 1, refreshed_at = now()"  # noqa: S608  constants only
        " FROM users u WHERE u.id = s.user_id AND u.status = 'active'"
        f" AND s.id = %s AND s.refresh_counter = %s AND {_ALIVE}"
        f" RETURNING s.user_id, s.refresh_counter, u.roles, {_NOW_SECONDS}",
        (session_id, counter, IDLE_SECONDS),
    )
    row = await cursor.fetchone()
    return LiveSession(session_id, row[0], row[1], tuple(row[2]), row[3]) if row else None


async def _repeat(
    connection: AsyncConnection, session_id: UUID, counter: int
) -> LiveSession | None:
    """Answer again for the token that was used last, if that was a moment ago.

    ``clock_timestamp()``: this transaction may have begun before the one that used the token.
    """
    cursor = await connection.execute(
        f"SELECT s.user_id, s.refresh_counter, u.roles, {_NOW_SECONDS} FROM sessions s"  # noqa: S608  constants only
        " JOIN users u ON u.id = s.user_id AND u.status = 'active'"
        f" WHERE s.id = %s AND s.refresh_counter = %s AND {_ALIVE}"
        " AND s.refreshed_at > clock_timestamp() - make_interval(secs => %s)",
        (session_id, counter + 1, IDLE_SECONDS, GRACE_SECONDS),
    )
    row = await cursor.fetchone()
    return LiveSession(session_id, row[0], row[1], tuple(row[2]), row[3]) if row else None


async def _end(connection: AsyncConnection, where: str, *values: object) -> None:
    """End the sessions of *where* and make their access tokens dead everywhere."""
    await connection.execute(
        "WITH ended AS (UPDATE sessions s SET ended_at = now()"  # noqa: S608  constants only
        f" WHERE {where} AND s.ended_at IS NULL RETURNING s.id)"
        " INSERT INTO revocations (subject) SELECT id FROM ended ON CONFLICT DO NOTHING",
        values,
    )
