"""Envelope encryption: a data key per person, wrapped by a key-encryption key.

AES-256-GCM with random 96-bit nonces.  The additional data names table, column, row and key,
so a sealed value that was moved to another place does not open (security note SEC-60).
A forgotten data key makes everything sealed by it unreadable for good.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from actors.domain.credentials import WrappedKey
from actors.security.keys import Secret

NONCE_BYTES: Final = 12
DATA_KEY_BYTES: Final = 32


class SealBroken(Exception):
    """A sealed value does not open here: it was changed, moved, or its key is gone."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a sealed value lives."""

    table: str
    column: str
    row_id: UUID

    def bound_to(self, key_id: str) -> bytes:
        """Return the additional data that ties a value to this place and key."""
        return "\n".join((self.table, self.column, str(self.row_id), key_id)).encode()


@dataclass(frozen=True, slots=True)
class DataKey:
    """A person's data key, in memory."""

    wrapped: WrappedKey
    key: bytes = field(repr=False)

    def seal(self, text: str, place: Place) -> bytes:
        """Return *text* sealed for *place*."""
        return _seal(self.key, text.encode(), place.bound_to(self.wrapped.kek_id))

    def open(self, sealed: bytes, place: Place) -> str:
        """Return the text that was sealed for *place*.

        Raises:
            SealBroken: If it was not.
        """
        return _open(self.key, sealed, place.bound_to(self.wrapped.kek_id)).decode()


@dataclass(frozen=True, slots=True)
class Sealer:
    """Makes and unwraps data keys."""

    kek: Secret
    keks: Mapping[str, Secret]

    def new_key(self, user_id: UUID) -> DataKey:
        """Return a fresh data key for *user_id*, wrapped by the live key-encryption key."""
        key = secrets.token_bytes(DATA_KEY_BYTES)
        return DataKey(self._wrap(key, user_id), key)

    def unwrap(self, wrapped: WrappedKey, user_id: UUID) -> DataKey:
        """Return the data key of *user_id*.

        Raises:
            SealBroken: If it is another's, or its key-encryption key is gone.
        """
        kek = self.keks.get(wrapped.kek_id)
        if kek is None:
            raise SealBroken(f"key-encryption key {wrapped.kek_id} is not in the key folder")
        return DataKey(wrapped, _open(kek.key, wrapped.sealed, _wrapping(user_id, kek.id)))

    def _wrap(self, key: bytes, user_id: UUID) -> WrappedKey:
        return WrappedKey(self.kek.id, _seal(self.kek.key, key, _wrapping(user_id, self.kek.id)))


def _wrapping(user_id: UUID, kek_id: str) -> bytes:
    return Place("users", "data_key", user_id).bound_to(kek_id)


def _seal(key: bytes, plain: bytes, bound_to: bytes) -> bytes:
    nonce = secrets.token_bytes(NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, plain, bound_to)


def _open(key: bytes, sealed: bytes, bound_to: bytes) -> bytes:
    try:
        return AESGCM(key).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], bound_to)
    except (InvalidTag, ValueError) as broken:
        raise SealBroken("a sealed value does not open here") from broken
