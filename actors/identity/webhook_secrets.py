"""The secrets of webhooks, sealed with the data key of their owner."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from actors.domain.credentials import WrappedKey
from actors.notifier.webhooks.signing import secret_key, secret_text
from actors.ports.webhooks import SecretUnreadable
from actors.security.sealing import Place, SealBroken, Sealer

if TYPE_CHECKING:
    from uuid import UUID

    from actors.ports.webhooks import SealedSecret
    from actors.store.identity.users import UserRow

KEY_BYTES: Final = 32
"""Standard Webhooks asks for 24 to 64."""


@dataclass(frozen=True, slots=True)
class WebhookSecrets:
    """Makes, seals and opens secrets."""

    sealer: Sealer

    def new(self, owner: UserRow, webhook_id: UUID) -> tuple[str, bytes]:
        """Return a new secret as its owner is shown it once, and sealed."""
        text = secret_text(secrets.token_bytes(KEY_BYTES))
        key = self.sealer.unwrap(owner.wrapped_key, owner.id)
        return text, key.seal(text, _place(webhook_id))

    def open(self, sealed: SealedSecret) -> bytes:
        """Return the key to sign with.

        Raises:
            SecretUnreadable: If it does not open.
        """
        try:
            wrapped = WrappedKey(sealed.kek_id, sealed.data_key)
            key = self.sealer.unwrap(wrapped, sealed.owner_id)
            return secret_key(key.open(sealed.sealed, _place(sealed.webhook_id)))
        except SealBroken as broken:
            raise SecretUnreadable from broken


def _place(webhook_id: UUID) -> Place:
    return Place("webhooks", "secret_sealed", webhook_id)
