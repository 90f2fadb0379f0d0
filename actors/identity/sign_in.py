"""Signing in and out, and staying signed in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog

from actors.domain.errors import Unauthenticated
from actors.domain.errors_identity import FieldInvalid
from actors.domain.events import login_new
from actors.domain.users import User, canonical_email
from actors.identity.proof import Proof, check_size, person
from actors.identity.sources import source_hash
from actors.identity.vault import Vault
from actors.ids import new_id
from actors.security.access_tokens import LIFETIME_SECONDS, Session, TokenIssuer
from actors.security.opaque_tokens import new_salt, read_refresh_token, refresh_token
from actors.store.identity.sessions import NewSession, SessionStore

if TYPE_CHECKING:
    from uuid import UUID

    from actors.domain.principals import Principal
    from actors.store.identity.sessions import LiveSession

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class TokenPair:
    """What a client holds while signed in."""

    access_token: str
    refresh_token: str
    expires_in_seconds: int = LIFETIME_SECONDS


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A fresh session of *user*."""

    tokens: TokenPair
    user: User


@dataclass(frozen=True, slots=True)
class SignIn:
    """Sessions."""

    sessions: SessionStore
    vault: Vault
    proof: Proof
    issuer: TokenIssuer

    async def login(self, email: str, password: str, *, source: str) -> SignedIn:
        """Open a session; who has signed in before is told of a source that is new.

        Raises:
            Unauthenticated: Whatever is wrong with address or password.
            FieldInvalid: If the password is too long to be tried.
            Throttled, Overloaded: If it cannot be tried now.
        """
        check_size(password)
        index = self.vault.address_index(_address(email))
        row, proven = await self.proof.of_address(index, password, source)
        proven = await self.proof.renew(row.id, password, proven)
        salt = new_salt()
        seen = source_hash(self.vault.keys, row.id, source)
        session = await self.sessions.open(
            NewSession(new_id(), row.id, salt, proven, seen), login_new(row.id)
        )
        if session is None:  # closed, or the password changed, while we compared
            raise Unauthenticated
        return SignedIn(self._pair(session, salt), self.vault.user(row))

    async def refresh(self, text: str) -> TokenPair:
        """Return the next pair of a session.

        A used token gives the same successor for ten seconds; later its use ends the session.

        Raises:
            Unauthenticated: If the token is not ours, was used, or its session is over.
        """
        token = read_refresh_token(text)
        salt = await self.sessions.salt_of(token.session_id) if token else None
        if token is None or salt is None or not token.is_proven(self._refresh_key, salt):
            raise Unauthenticated
        session = await self.sessions.advance(token.session_id, token.counter)
        if session is None:
            log.warning("refresh.refused", session_id=str(token.session_id))
            raise Unauthenticated
        return self._pair(session, salt)

    async def logout(self, principal: Principal, *, everywhere: bool) -> None:
        """End this session, or every session of its user.

        Raises:
            InsufficientScope: If the credential is an API key.
        """
        user_id = person(principal)
        if everywhere:
            await self.sessions.end_all(user_id)
        elif principal.session_id is not None:
            await self.sessions.end(principal.session_id)

    @property
    def _refresh_key(self) -> bytes:
        return self.vault.keys.refresh.key

    def _pair(self, session: LiveSession, salt: bytes) -> TokenPair:
        return TokenPair(
            access_token=self.issuer.issue(_session(session, new_id())),
            refresh_token=refresh_token(self._refresh_key, session.id, session.counter, salt).text,
        )


def _session(live: LiveSession, token_id: UUID) -> Session:
    return Session(
        user_id=live.user_id,
        session_id=live.id,
        token_id=token_id,
        roles=live.roles,
        expires_at_seconds=live.now_seconds + LIFETIME_SECONDS,
    )


def _address(email: str) -> str:
    """Return the canonical address; what is none is looked up like any unknown one."""
    try:
        return canonical_email(email)
    except FieldInvalid:
        return f"\0{email[:256]}"
