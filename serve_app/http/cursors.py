"""Places in a list, sealed so that only the list that gave one takes it back."""

from __future__ import annotations

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from hashlib import blake2b
from typing import TYPE_CHECKING, Final, TypeAlias

import msgspec

from serve_app.http.errors import CursorInvalid

if TYPE_CHECKING:
    from uuid import UUID

Position: TypeAlias = tuple[str | int, ...]

_SEAL_BYTES: Final = 16
_LONGEST_TEXT: Final = 512

_encode: Final = msgspec.json.Encoder().encode
_decode: Final = msgspec.json.Decoder(tuple[str | int, ...]).decode


class Cursors:
    """Makes and opens cursors.

    Args:
        key: A secret that all replicas share; without it no cursor can be made or changed.
    """

    def __init__(self, key: bytes) -> None:
        self._key = blake2b(key, person=b"gopherpay-cursor").digest()

    def seal(self, reader: UUID, listing: bytes, position: Position) -> str:
        """Return the cursor of *position*.

        Args:
            reader: The principal it is made for.
            listing: Names the list and its filters, such as a ``fingerprint`` of them.
            position: The keys of the last row that was shown.
        """
        text = _encode(position)
        seal = self._seal(reader, listing, text)
        return urlsafe_b64encode(seal + text).rstrip(b"=").decode()

    def open(self, reader: UUID, listing: bytes, cursor: str) -> Position:
        """Return the position of *cursor*.

        Raises:
            CursorInvalid: If it was not made for this reader, this list and these filters.
        """
        try:
            sealed = _unpadded(cursor)
            seal, text = sealed[:_SEAL_BYTES], sealed[_SEAL_BYTES:]
            if not hmac.compare_digest(seal, self._seal(reader, listing, text)):
                raise CursorInvalid
            return _decode(text)
        except ValueError:
            raise CursorInvalid from None

    def _seal(self, reader: UUID, listing: bytes, text: bytes) -> bytes:
        """Return the authentication of all that a cursor is bound to."""
        bound = b"%s%d:%s%s" % (reader.bytes, len(listing), listing, text)
        return blake2b(bound, digest_size=_SEAL_BYTES, key=self._key).digest()


def _unpadded(cursor: str) -> bytes:
    """Return the bytes of *cursor*, of which there is exactly one text form.

    Raises:
        ValueError: If it is another text.
    """
    if not cursor or len(cursor) > _LONGEST_TEXT:
        raise ValueError
    sealed = urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4))
    if urlsafe_b64encode(sealed).rstrip(b"=").decode() != cursor:
        raise ValueError
    return sealed
