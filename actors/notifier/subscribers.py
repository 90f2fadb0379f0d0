"""A person as a subscriber of Novu: what makes two profiles differ, and what proves one."""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from uuid import UUID

    from actors.ports.courier import Profile


def digest_at(environment: bytes, profile: Profile) -> bytes:
    """Return what is remembered of *profile* once *environment* knows it.

    In another environment of Novu nobody is known yet, whatever was told elsewhere.
    """
    return hashlib.sha256(environment + b"\0" + profile.digest).digest()


def subscriber_hash(secret_key: str, user_id: UUID) -> str:
    """Return what proves to Novu's inbox that the platform let this subscriber in.

    HMAC-SHA256 of the subscriber id under the environment's secret key, in hexadecimal digits
    (Novu: "Prepare for production", HMAC encryption of the inbox).
    """
    return hmac.new(secret_key.encode(), str(user_id).encode(), hashlib.sha256).hexdigest()
