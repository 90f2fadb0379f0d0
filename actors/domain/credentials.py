"""Credentials in the form in which they are kept."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Literal, TypeAlias
from uuid import UUID

MailKind: TypeAlias = Literal[
    "verify-email", "account-exists", "reset-password", "password-changed"
]
Purpose: TypeAlias = Literal["verify", "reset"]

VERIFY_SECONDS: Final = 15 * 60
RESET_SECONDS: Final = 10 * 60
"""NIST SP 800-63B-4 allows a mailed recovery code 24 hours; ten minutes suffice (SEC-12)."""


@dataclass(frozen=True, slots=True)
class PasswordHash:
    """A password hash with what it was made by, so that each part can be changed later."""

    scheme: int
    pepper_id: str
    cost: int
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class WrappedKey:
    """A person's data key, encrypted by the key-encryption key of that id."""

    kek_id: str
    sealed: bytes


@dataclass(frozen=True, slots=True)
class MailToken:
    """A single-use token that goes out by mail; only its hash is kept."""

    purpose: Purpose
    hash: bytes
    lifetime_seconds: int


@dataclass(frozen=True, slots=True)
class SealedMail:
    """A mail that must go out, readable with its user's data key alone."""

    id: UUID
    user_id: UUID
    recipient_index: bytes
    kind: MailKind
    payload_sealed: bytes


@dataclass(frozen=True, slots=True)
class ApiKeyInfo:
    """An API key as its owner sees it in the list."""

    id: UUID
    name: str
    scopes: tuple[str, ...]
    created_at: datetime
    expires_at: datetime | None
