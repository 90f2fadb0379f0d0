"""The Idempotency-Key header, and the fingerprint of a command."""

from __future__ import annotations

import re
from hashlib import blake2b
from typing import TYPE_CHECKING, Final

import msgspec

from serve_app.http.errors import KeyInvalid, KeyMissing
from serve_app.http.routing import KeyPolicy

if TYPE_CHECKING:
    from collections.abc import Sequence

FINGERPRINT_BYTES: Final = 16

_KEY: Final = re.compile(rb"[!-~]{1,255}")
_encode: Final = msgspec.json.Encoder().encode


def key_of(policy: KeyPolicy, headers: Sequence[bytes], *, dry_run: bool) -> str | None:
    """Return the key that a request carries, as its route's *policy* wants it.

    Args:
        policy: The route's.
        headers: The values of all Idempotency-Key headers.
        dry_run: Whether the call is one that keeps nothing.

    Raises:
        KeyMissing: If one is required.
        KeyInvalid: If there are two, or it is not 1 to 255 visible ASCII characters.
    """
    if policy is KeyPolicy.IGNORED or (dry_run and policy is KeyPolicy.REQUIRED_UNLESS_DRY_RUN):
        return None
    if not headers:
        if policy is KeyPolicy.OPTIONAL:
            return None
        raise KeyMissing
    if len(headers) > 1 or not _KEY.fullmatch(headers[0]):
        raise KeyInvalid
    return headers[0].decode("ascii")


def fingerprint(kind: str, *facts: object) -> bytes:
    """Return a hash of a canonical command: what means the same has the same one.

    Args:
        kind: The route's command; another route with the same key is another command.
        facts: The parsed values in a fixed order: minor units, ids, texts, sorted pairs.
    """
    return blake2b(_encode((kind, *facts)), digest_size=FINGERPRINT_BYTES).digest()
