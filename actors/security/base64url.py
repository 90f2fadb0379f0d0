"""Unpadded base64url (RFC 4648 §5) in its one canonical form."""

from __future__ import annotations

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode


def encode(data: bytes) -> str:
    """Return *data* as base64url without padding."""
    return urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def decode(text: str) -> bytes | None:
    """Return the bytes of *text*, or None unless *text* is exactly what ``encode`` makes of them.

    The last character of a group can carry bits that decode to nothing; a decoder that
    ignores them lets one secret have several spellings, which a deny-list would miss.
    """
    try:
        data = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (binascii.Error, ValueError):
        return None
    return data if encode(data) == text else None
