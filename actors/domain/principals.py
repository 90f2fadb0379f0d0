"""Who acts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from actors.domain.errors import InsufficientScope

PLATFORM_ID: Final = UUID(int=1)
"""The principal of keys that belong to the platform itself, and owner of the world accounts."""

USER_SCOPES: Final = frozenset(
    {
        "accounts:read",
        "accounts:write",
        "transfers:read",
        "transfers:write",
        "notifications:read",
        "webhooks:write",
    }
)
OPERATOR_SCOPES: Final = frozenset({"treasury:write", "admin:read", "admin:write"})
ALL_SCOPES: Final = USER_SCOPES | OPERATOR_SCOPES


@dataclass(frozen=True, slots=True)
class Principal:
    """The bearer of a credential.

    Attributes:
        id: The key space of idempotency: the user, or the platform.
        scopes: What the credential may do.
        session_id: The session, when the credential is an access token and not an API key.
    """

    id: UUID
    scopes: frozenset[str]
    session_id: UUID | None = None
    is_operator: bool = False

    @property
    def is_platform(self) -> bool:
        """Tell whether this is the platform itself rather than a person."""
        return self.id == PLATFORM_ID

    def require(self, scope: str) -> None:
        """Pass if the credential has *scope*.

        Raises:
            InsufficientScope: If not.
        """
        if scope not in self.scopes:
            raise InsufficientScope(scope)
