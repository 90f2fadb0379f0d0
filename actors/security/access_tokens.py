"""Access tokens: short-lived JWTs (RFC 9068 shape) signed by Ed25519.

The text is checked before the library sees it (rfc8725bis §3): three canonical base64url
parts of 4 KiB together, a header of exactly ``alg``, ``typ`` and ``kid``, a key we know.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final
from uuid import UUID

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)

from actors.domain.errors import Unauthenticated
from actors.security import base64url

ALGORITHM: Final = "EdDSA"
TYPE: Final = "at+jwt"
LIFETIME_SECONDS: Final = 300
LEEWAY_SECONDS: Final = 5
"""How far the clocks of issuer and verifier may differ."""

MAX_CHARACTERS: Final = 4096

_SHAPE: Final = re.compile(r"([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)", re.ASCII)
_HEADER_MEMBERS: Final = frozenset({"alg", "typ", "kid"})
_REQUIRED: Final = ("iss", "sub", "aud", "exp", "iat", "nbf", "jti", "sid", "roles")


@dataclass(frozen=True, slots=True)
class Session:
    """What a valid access token says."""

    user_id: UUID
    session_id: UUID
    token_id: UUID
    roles: tuple[str, ...]
    expires_at_seconds: int


@dataclass(frozen=True, slots=True)
class TokenIssuer:
    """Signs access tokens."""

    key_id: str
    key: Ed25519PrivateKey
    issuer: str
    audience: str

    def issue(self, session: Session) -> str:
        """Return the token of *session*, valid for five minutes up to its end."""
        issued_at_seconds = session.expires_at_seconds - LIFETIME_SECONDS
        claims = {
            "iss": self.issuer,
            "aud": self.audience,
            "sub": str(session.user_id),
            "sid": str(session.session_id),
            "jti": str(session.token_id),
            "iat": issued_at_seconds,
            "nbf": issued_at_seconds,
            "exp": session.expires_at_seconds,
            "roles": list(session.roles),
        }
        return jwt.encode(claims, self.key, ALGORITHM, {"typ": TYPE, "kid": self.key_id})


@dataclass(frozen=True, slots=True)
class TokenVerifier:
    """Reads access tokens with public keys alone: no database, no network."""

    keys: Mapping[str, Ed25519PublicKey]
    issuer: str
    audience: str
    clock: Callable[[], float]

    def verify(self, token: str) -> Session:
        """Return what *token* says.

        Raises:
            Unauthenticated: If it is not one of ours, or not valid now.
        """
        try:
            return self._session(token)
        except (jwt.PyJWTError, ValueError, TypeError, KeyError, RecursionError):
            raise Unauthenticated from None

    def _session(self, token: str) -> Session:
        header, payload, signature = _parts(token)
        key = self.keys[_key_id(_members(header))]
        if base64url.decode(signature) is None:
            raise ValueError("another spelling of a signature")
        jwt.decode(
            token,
            key,
            algorithms=[ALGORITHM],
            audience=self.audience,
            issuer=self.issuer,
            # Times are checked below: the library takes digit strings for numbers.
            options={
                "require": list(_REQUIRED),
                "strict_aud": True,
                "verify_exp": False,
                "verify_iat": False,
                "verify_nbf": False,
            },
        )
        claims = _members(payload)
        self._check_times(claims)
        return _session_of(claims)

    def _check_times(self, claims: Mapping[str, object]) -> None:
        now = self.clock()
        issued, not_before, expires = (_seconds(claims[name]) for name in ("iat", "nbf", "exp"))
        is_valid = (
            issued <= now + LEEWAY_SECONDS
            and not_before <= now + LEEWAY_SECONDS
            and now < expires <= issued + LIFETIME_SECONDS
        )
        if not is_valid:
            raise ValueError("not valid now")


def _parts(token: str) -> tuple[str, str, str]:
    match = _SHAPE.fullmatch(token) if len(token) <= MAX_CHARACTERS else None
    if match is None:
        raise ValueError("not a compact JWS")
    header, payload, signature = match.groups()
    return header, payload, signature


def _members(part: str) -> dict[str, object]:
    """Return the JSON object in *part*, each member once."""
    data = base64url.decode(part)
    members = json.loads(data or b"", object_pairs_hook=_once)
    if not isinstance(members, dict):
        raise TypeError("no object")
    return members


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a member twice")
    return members


def _key_id(header: Mapping[str, object]) -> str:
    kid = header.get("kid")
    is_ours = (
        header.keys() == _HEADER_MEMBERS and header["alg"] == ALGORITHM and header["typ"] == TYPE
    )
    if not is_ours or not isinstance(kid, str):
        raise ValueError("not a header of ours")
    return kid


def _session_of(claims: Mapping[str, object]) -> Session:
    roles = claims["roles"]
    if not isinstance(roles, list) or not all(isinstance(role, str) for role in roles):
        raise TypeError("roles are a list of text")
    return Session(
        user_id=_uuid(claims["sub"]),
        session_id=_uuid(claims["sid"]),
        token_id=_uuid(claims["jti"]),
        roles=tuple(roles),
        expires_at_seconds=_seconds(claims["exp"]),
    )


def _seconds(claim: object) -> int:
    if type(claim) is not int:  # a bool is an int to isinstance
        raise TypeError("a time is a whole number")
    return claim


def _uuid(claim: object) -> UUID:
    if not isinstance(claim, str):
        raise TypeError("an id is text")
    return UUID(claim)
