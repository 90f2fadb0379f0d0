"""People: who they are, and what they prove themselves by."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

import psycopg
from psycopg.rows import class_row

from actors.domain.credentials import MailToken, PasswordHash, SealedMail, WrappedKey
from actors.domain.events import Event
from actors.store import outbox
from actors.store.accounts import close_all_of
from actors.store.identity.mails import insert_mail
from actors.store.identity.sessions import end_sessions
from actors.store.identity.sources import forget_all

if TYPE_CHECKING:
    from psycopg import AsyncConnection

    from actors.store.pool import Pool

_COLUMNS: Final = (
    "u.id, u.email_index, u.kek_id, u.data_key, u.email_sealed, u.full_name_sealed,"
    " u.status, u.roles, u.created_at, u.language"
)
_ACTIVE_ADDRESS: Final = "uq_users_email_index_active"


@dataclass(frozen=True, slots=True)
class UserRow:
    """A user as stored: what names the person is sealed."""

    id: UUID
    email_index: bytes
    kek_id: str
    data_key: bytes
    email_sealed: bytes
    full_name_sealed: bytes
    status: str
    roles: list[str]
    created_at: datetime
    language: str

    @property
    def wrapped_key(self) -> WrappedKey:
        """Return the wrapped data key."""
        return WrappedKey(self.kek_id, self.data_key)


@dataclass(frozen=True, slots=True)
class NewUser:
    """What a registration stores."""

    id: UUID
    email_index: bytes
    wrapped_key: WrappedKey
    email_sealed: bytes
    full_name_sealed: bytes
    password: PasswordHash
    language: str


@dataclass(frozen=True, slots=True)
class PasswordChange:
    """A new password, the mail that tells of it, and the fact."""

    user_id: UUID
    password: PasswordHash
    mail: SealedMail
    event: Event


class UserStore:
    """Reads and writes users."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def active(self, user_id: UUID) -> UserRow | None:
        """Return the active user of *user_id*."""
        async with self._pool.transaction() as connection:
            return await _one(connection, "u.id = %s AND u.status = 'active'", user_id)

    async def active_by_address(self, email_index: bytes) -> UserRow | None:
        """Return the active user of an address."""
        where = "u.email_index = %s AND u.status = 'active'"
        async with self._pool.transaction() as connection:
            return await _one(connection, where, email_index)

    async def password_of(self, user_id: UUID) -> PasswordHash | None:
        """Return the password hash of an active user."""
        async with self._pool.transaction() as connection:
            return await _password(connection, "u.id = %s", user_id)

    async def to_log_in(self, email_index: bytes) -> tuple[UserRow, PasswordHash] | None:
        """Return the active user of an address with the password hash.

        The same two statements run whether or not there is one.
        """
        async with self._pool.transaction() as connection:
            user = await _one(connection, "u.email_index = %s AND u.status = 'active'", email_index)
            password = await _password(connection, "u.email_index = %s", email_index)
        return (user, password) if user and password else None

    async def register(
        self, user: NewUser, token: MailToken, mail: SealedMail, event: Event
    ) -> None:
        """Add an unverified user, with the token that verifies it and the mail that carries it."""
        async with self._pool.transaction() as connection:
            await connection.execute(
                "INSERT INTO users"
                " (id, email_index, kek_id, data_key, email_sealed, full_name_sealed, language)"
                " VALUES (%s, %s, %s, %s, %s, %s, %s)",
                (
                    user.id,
                    user.email_index,
                    user.wrapped_key.kek_id,
                    user.wrapped_key.sealed,
                    user.email_sealed,
                    user.full_name_sealed,
                    user.language,
                ),
            )
            await _put_password(connection, user.id, user.password)
            await _put_token(connection, user.id, token)
            await insert_mail(connection, mail)
            await outbox.append(connection, [event])

    async def waiting(self, token_hash: bytes) -> UUID | None:
        """Return whom a live verification token belongs to."""
        async with self._pool.transaction() as connection:
            return await _token_owner(connection, MailToken("verify", token_hash, 0))

    async def verify(self, token_hash: bytes, event: Event) -> UserRow | None:
        """Use up a verification token and make its user active.

        Other registrations of the address that still wait are dropped: it has an owner now.
        Returns None if the token is unknown, used or expired, or the address was taken meanwhile.
        """
        try:
            async with self._pool.transaction() as connection:
                await _await_turn(connection, token_hash)
                user_id = await _use_token(connection, MailToken("verify", token_hash, 0))
                if user_id is None:
                    return None
                await connection.execute(
                    "UPDATE users SET status = 'active' WHERE id = %s AND status = 'unverified'",
                    (user_id,),
                )
                user = await _one(connection, "u.id = %s AND u.status = 'active'", user_id)
                if user is not None:
                    await _drop_rivals(connection, user.email_index)
                    await outbox.append(connection, [event])
                return user
        except psycopg.errors.UniqueViolation as violation:
            if violation.diag.constraint_name != _ACTIVE_ADDRESS:
                raise
            return None

    async def change(
        self, user_id: UUID, full_name_sealed: bytes, language: str, event: Event
    ) -> None:
        """Replace name and language."""
        async with self._pool.transaction() as connection:
            cursor = await connection.execute(
                "UPDATE users SET full_name_sealed = %s, language = %s"
                " WHERE id = %s AND status = 'active'",
                (full_name_sealed, language, user_id),
            )
            if cursor.rowcount:
                await outbox.append(connection, [event])

    async def rehash(self, user_id: UUID, old: PasswordHash, new: PasswordHash) -> bool:
        """Replace a hash by another of the same password, unless it was changed meanwhile."""
        async with self._pool.transaction() as connection:
            cursor = await connection.execute(
                "UPDATE passwords SET scheme = %s, pepper_id = %s, cost = %s, hash = %s"
                " WHERE user_id = %s AND hash = %s",
                (new.scheme, new.pepper_id, new.cost, new.text, user_id, old.text),
            )
            return cursor.rowcount > 0

    async def change_password(
        self, change: PasswordChange, old: PasswordHash, *, kept_session: UUID | None
    ) -> bool:
        """Replace the password if *old* still stands, and end the other sessions."""
        async with self._pool.transaction() as connection:
            await _lock(connection, change.user_id)
            stands = await _password(connection, "u.id = %s", change.user_id)
            if stands is None or stands.text != old.text:
                return False
            await _apply(connection, change, kept_session)
            return True

    async def add_reset(self, user_id: UUID, token: MailToken, mail: SealedMail) -> None:
        """Add a reset token and the mail that carries it."""
        async with self._pool.transaction() as connection:
            await _put_token(connection, user_id, token)
            await insert_mail(connection, mail)

    async def resetting(self, token_hash: bytes) -> UserRow | None:
        """Return whom a live reset token belongs to, without using it up."""
        async with self._pool.transaction() as connection:
            user_id = await _token_owner(connection, MailToken("reset", token_hash, 0))
            return (
                await _one(connection, "u.id = %s AND u.status = 'active'", user_id)
                if user_id
                else None
            )

    async def reset_password(self, token_hash: bytes, change: PasswordChange) -> bool:
        """Use up a reset token, replace the password and end every session."""
        async with self._pool.transaction() as connection:
            await _lock(connection, change.user_id)
            user_id = await _use_token(connection, MailToken("reset", token_hash, 0))
            if user_id != change.user_id:
                return False
            await _apply(connection, change, None)
            return True

    async def close(self, user_id: UUID, event: Event) -> None:
        """Close the user with the empty accounts; every credential dies with it.

        Raises:
            AccountsNotEmpty: If money or holds are left; nothing was changed.
        """
        async with self._pool.transaction() as connection:
            await _lock(connection, user_id)
            await close_all_of(connection, user_id)
            await connection.execute(
                "UPDATE users SET status = 'closed', closed_at = now()"
                " WHERE id = %s AND status = 'active'",
                (user_id,),
            )
            await end_sessions(connection, user_id, kept=None)
            await connection.execute(
                "UPDATE api_keys SET deleted_at = now() WHERE user_id = %s AND deleted_at IS NULL",
                (user_id,),
            )
            await connection.execute("DELETE FROM mail_tokens WHERE user_id = %s", (user_id,))
            await forget_all(connection, user_id)
            await outbox.append(connection, [event])

    async def grant_role(self, user_id: UUID, role: str, event: Event) -> None:
        """Give an active user a role; having it already changes nothing."""
        async with self._pool.transaction() as connection:
            cursor = await connection.execute(
                "UPDATE users SET roles = array_append(roles, %s)"
                " WHERE id = %s AND status = 'active' AND NOT roles @> ARRAY[%s]",
                (role, user_id, role),
            )
            if cursor.rowcount:
                await outbox.append(connection, [event])


async def _one(connection: AsyncConnection, where: str, value: object) -> UserRow | None:
    query = f"SELECT {_COLUMNS} FROM users u WHERE {where}"  # noqa: S608  constants only
    async with connection.cursor(row_factory=class_row(UserRow)) as cursor:
        await cursor.execute(query, (value,))
        return await cursor.fetchone()


async def _password(connection: AsyncConnection, where: str, value: object) -> PasswordHash | None:
    query = (
        "SELECT p.scheme, p.pepper_id, p.cost, p.hash FROM passwords p"  # noqa: S608  constants
        f" JOIN users u ON u.id = p.user_id WHERE {where} AND u.status = 'active'"
    )
    row = await _row(connection, query, (value,))
    return PasswordHash(*row) if row else None


async def _row(
    connection: AsyncConnection, query: str, values: tuple[object, ...]
) -> tuple[Any, ...] | None:
    cursor = await connection.execute(query, values)
    return await cursor.fetchone()


async def _lock(connection: AsyncConnection, user_id: UUID) -> None:
    """Let changes of one user's credentials take turns, log-ins included."""
    await connection.execute("SELECT FROM users WHERE id = %s FOR NO KEY UPDATE", (user_id,))


async def _apply(
    connection: AsyncConnection, change: PasswordChange, kept_session: UUID | None
) -> None:
    await _put_password(connection, change.user_id, change.password)
    await end_sessions(connection, change.user_id, kept=kept_session)
    await connection.execute(
        "DELETE FROM mail_tokens WHERE user_id = %s AND purpose = 'reset'", (change.user_id,)
    )
    await insert_mail(connection, change.mail)
    await outbox.append(connection, [change.event])


async def _put_password(connection: AsyncConnection, user_id: UUID, new: PasswordHash) -> None:
    await connection.execute(
        "INSERT INTO passwords (user_id, scheme, pepper_id, cost, hash)"
        " VALUES (%s, %s, %s, %s, %s)"
        " ON CONFLICT (user_id) DO UPDATE SET scheme = excluded.scheme,"
        " pepper_id = excluded.pepper_id, cost = excluded.cost, hash = excluded.hash,"
        " changed_at = now()",
        (user_id, new.scheme, new.pepper_id, new.cost, new.text),
    )


async def _put_token(connection: AsyncConnection, user_id: UUID, token: MailToken) -> None:
    await connection.execute(
        "INSERT INTO mail_tokens (hash, user_id, purpose, expires_at)"
        " VALUES (%s, %s, %s, now() + make_interval(secs => %s))",
        (token.hash, user_id, token.purpose, token.lifetime_seconds),
    )


async def _token_owner(connection: AsyncConnection, token: MailToken) -> UUID | None:
    row = await _row(
        connection,
        "SELECT user_id FROM mail_tokens WHERE hash = %s AND purpose = %s AND expires_at > now()",
        (token.hash, token.purpose),
    )
    return row[0] if row else None


async def _use_token(connection: AsyncConnection, token: MailToken) -> UUID | None:
    row = await _row(
        connection,
        "DELETE FROM mail_tokens WHERE hash = %s AND purpose = %s AND expires_at > now()"
        " RETURNING user_id",
        (token.hash, token.purpose),
    )
    return row[0] if row else None


async def _await_turn(connection: AsyncConnection, token_hash: bytes) -> None:
    """Let verifications of one address take turns: each drops the rows that the others hold."""
    await connection.execute(
        "SELECT pg_advisory_xact_lock("
        " hashtextextended('address:' || encode(u.email_index, 'hex'), 0))"
        " FROM mail_tokens t JOIN users u ON u.id = t.user_id WHERE t.hash = %s",
        (token_hash,),
    )


async def _drop_rivals(connection: AsyncConnection, email_index: bytes) -> None:
    await connection.execute(
        "DELETE FROM users WHERE email_index = %s AND status = 'unverified'", (email_index,)
    )
