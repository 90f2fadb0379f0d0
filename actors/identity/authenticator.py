"""Who is asking: from the Authorization header to a principal, on every request."""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol
from uuid import UUID

from actors.domain.errors import Unauthenticated
from actors.domain.principals import PLATFORM_ID, Principal
from actors.domain.users import OPERATOR, scopes_of
from actors.security.opaque_tokens import API_KEY_PREFIX, read_api_key

if TYPE_CHECKING:
    from collections.abc import Callable

    from actors.identity.revocations import RevocationWatch
    from actors.security.access_tokens import TokenVerifier
    from actors.store.identity.api_keys import LiveApiKey

API_KEY_SECONDS: Final = 2.0
"""How long an API key is believed without asking again."""

CACHED_MAX: Final = 20_000
"""Credentials remembered by one process, about 10 MB."""


class ApiKeySource(Protocol):
    """Where API keys are looked up."""

    async def live(self, key_id: UUID) -> LiveApiKey | None:
        """Return the key if it may be used now.

        Raises:
            Unavailable: If it cannot be told.
        """
        ...


@dataclass(frozen=True, slots=True)
class _Known:
    """A credential that was checked: whose it is, what would kill it, how long it is good."""

    principal: Principal
    subjects: tuple[UUID, ...]
    good_until_seconds: float


class Authenticator:
    """Turns credentials into principals; a known one costs two look-ups and no wait."""

    def __init__(
        self,
        verifier: TokenVerifier,
        api_keys: ApiKeySource,
        revocations: RevocationWatch,
        *,
        clock: Callable[[], float],
    ) -> None:
        self._verifier = verifier
        self._api_keys = api_keys
        self._revocations = revocations
        self._clock = clock
        self._known: dict[bytes, _Known] = {}

    async def authenticate(self, authorization: bytes) -> Principal:
        """Return whose credential the value of an Authorization header is.

        Raises:
            Unauthenticated: If it is nobody's, or not any more.
            Unavailable: If the database cannot be asked whether it is.
        """
        known = self._known.get(authorization)
        if known is None or known.good_until_seconds <= self._clock():
            known = await self._learn(authorization)
        if not self._revocations.is_fresh:
            await self._revocations.ensure_fresh()
        if self._revocations.is_dead(known.subjects):
            self._known.pop(authorization, None)
            raise Unauthenticated
        return known.principal

    async def _learn(self, authorization: bytes) -> _Known:
        self._known.pop(authorization, None)
        credential = _credential(authorization)
        known = (
            await self._by_api_key(credential)
            if credential.startswith(API_KEY_PREFIX)
            else self._by_token(credential)
        )
        if len(self._known) >= CACHED_MAX:
            del self._known[next(iter(self._known))]
        self._known[authorization] = known
        return known

    def _by_token(self, token: str) -> _Known:
        session = self._verifier.verify(token)
        principal = Principal(
            id=session.user_id,
            scopes=scopes_of(session.roles),
            session_id=session.session_id,
            is_operator=OPERATOR in session.roles,
        )
        subjects = (session.session_id, session.token_id, session.user_id)
        return _Known(principal, subjects, session.expires_at_seconds)

    async def _by_api_key(self, text: str) -> _Known:
        key = read_api_key(text)
        asked_at_seconds = self._clock()
        live = await self._api_keys.live(key.id) if key else None
        if key is None or live is None:
            raise Unauthenticated
        if not hmac.compare_digest(live.secret_hash, key.fingerprint):
            raise Unauthenticated
        subjects = (key.id, live.user_id) if live.user_id else (key.id,)
        return _Known(_bearer(live), subjects, asked_at_seconds + API_KEY_SECONDS)


def _bearer(key: LiveApiKey) -> Principal:
    """Return who uses *key*: never more than the role of its user reaches today."""
    if key.user_id is None:
        return Principal(PLATFORM_ID, frozenset(key.scopes))
    return Principal(
        id=key.user_id,
        scopes=scopes_of(key.roles).intersection(key.scopes),
        is_operator=OPERATOR in key.roles,
    )


def _credential(authorization: bytes) -> str:
    """Return the credential of the Bearer scheme (RFC 6750 §2.1; schemes ignore case)."""
    scheme, _, credential = authorization.partition(b" ")
    if scheme.lower() != b"bearer" or not credential.isascii():
        raise Unauthenticated
    return credential.decode("ascii")
