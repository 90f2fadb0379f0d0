"""Credentials that mean nothing without the database: refresh, API key, mail tokens."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import struct
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

from actors.security import base64url

REFRESH_PREFIX: Final = "gpr_"
API_KEY_PREFIX: Final = "gpk_"

SECRET_BYTES: Final = 32
SALT_BYTES: Final = 16

_REFRESH: Final = struct.Struct(">16sI32s")
_API_KEY: Final = struct.Struct(">16s32s")


@dataclass(frozen=True, slots=True)
class RefreshToken:
    """A refresh token as sent: the session, its place in the chain, and the proof."""

    session_id: UUID
    counter: int
    proof: bytes = field(repr=False)

    @property
    def text(self) -> str:
        """Return the token as the client keeps it."""
        packed = _REFRESH.pack(self.session_id.bytes, self.counter, self.proof)
        return REFRESH_PREFIX + base64url.encode(packed)

    def is_proven(self, key: bytes, salt: bytes) -> bool:
        """Tell whether we made this token for the session with *salt*."""
        made = refresh_token(key, self.session_id, self.counter, salt)
        return hmac.compare_digest(self.proof, made.proof)


def refresh_token(key: bytes, session_id: UUID, counter: int, salt: bytes) -> RefreshToken:
    """Return the *counter*-th token of a session: the same one however often it is made."""
    message = session_id.bytes + struct.pack(">I", counter) + salt
    return RefreshToken(session_id, counter, hmac.digest(key, message, "sha256"))


def read_refresh_token(text: str) -> RefreshToken | None:
    """Return the parts of *text*, or None if it has not the form of a refresh token."""
    packed = _unpack(text, REFRESH_PREFIX, _REFRESH)
    if packed is None:
        return None
    session_id, counter, proof = packed
    return RefreshToken(UUID(bytes=session_id), counter, proof)


@dataclass(frozen=True, slots=True)
class ApiKey:
    """An API key: its public id and its secret."""

    id: UUID
    secret: bytes = field(repr=False)

    @property
    def text(self) -> str:
        """Return the key as its owner keeps it; shown once."""
        return API_KEY_PREFIX + base64url.encode(_API_KEY.pack(self.id.bytes, self.secret))

    @property
    def fingerprint(self) -> bytes:
        """Return what is stored: a plain hash suffices for 256 random bits."""
        return hashlib.sha256(self.secret).digest()


def new_api_key(key_id: UUID) -> ApiKey:
    """Return a fresh key."""
    return ApiKey(key_id, secrets.token_bytes(SECRET_BYTES))


def read_api_key(text: str) -> ApiKey | None:
    """Return the parts of *text*, or None if it has not the form of an API key."""
    packed = _unpack(text, API_KEY_PREFIX, _API_KEY)
    return None if packed is None else ApiKey(UUID(bytes=packed[0]), packed[1])


def new_mail_token() -> str:
    """Return a token of 256 random bits that goes out by mail."""
    return base64url.encode(secrets.token_bytes(SECRET_BYTES))


def mail_token_hash(token: str) -> bytes:
    """Return what is stored of a mail token."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


def new_salt() -> bytes:
    """Return the salt of a new session."""
    return secrets.token_bytes(SALT_BYTES)


def _unpack(text: str, prefix: str, shape: struct.Struct) -> tuple[Any, ...] | None:
    if not text.startswith(prefix) or len(text) > 2 * shape.size:
        return None
    packed = base64url.decode(text.removeprefix(prefix))
    return shape.unpack(packed) if packed is not None and len(packed) == shape.size else None
