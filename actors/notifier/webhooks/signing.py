"""Signatures of the Standard Webhooks specification, version 1 with a symmetric key.

The specification: ``webhook-id``, ``webhook-timestamp`` and the body as sent, joined by dots, under
HMAC-SHA-256; the secret is base64 behind ``whsec_``.
"""

from __future__ import annotations

import hmac
from base64 import b64decode, b64encode
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from uuid import UUID

SECRET_PREFIX: Final = "whsec_"  # noqa: S105  the word before a secret


def secret_text(key: bytes) -> str:
    """Return *key* as its owner keeps it."""
    return SECRET_PREFIX + b64encode(key).decode()


def secret_key(text: str) -> bytes:
    """Return the key of a secret's *text*."""
    return b64decode(text.removeprefix(SECRET_PREFIX))


def signed_headers(key: bytes, delivery_id: UUID, at_seconds: int, body: bytes) -> dict[str, str]:
    """Return the headers that prove *body* to come from us.

    Args:
        key: The webhook's.
        delivery_id: The same at every attempt, so that a receiver knows a repetition.
        at_seconds: Of this attempt, since the epoch.
        body: Exactly as sent.
    """
    signed = b"%s.%d.%s" % (str(delivery_id).encode(), at_seconds, body)
    signature = b64encode(hmac.digest(key, signed, "sha256")).decode()
    return {
        "webhook-id": str(delivery_id),
        "webhook-timestamp": str(at_seconds),
        "webhook-signature": f"v1,{signature}",
    }
