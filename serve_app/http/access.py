"""Who may call a route; a route cannot be made without one of these."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from typing_extensions import override

from actors.domain.errors import Forbidden, InsufficientScope

if TYPE_CHECKING:
    from uuid import UUID

    from actors.domain.principals import Principal


class Access(ABC):
    """A policy, decided before any object is looked up."""

    needs_credential: ClassVar[bool] = True

    @abstractmethod
    def check(self, principal: Principal) -> None:
        """Pass if *principal* may call.

        Raises:
            Forbidden: If this credential never may.
        """


@dataclass(frozen=True, slots=True)
class Public(Access):
    """Anybody, without a credential."""

    needs_credential: ClassVar[bool] = False

    @override
    def check(self, principal: Principal) -> None:
        """Pass."""


@dataclass(frozen=True, slots=True)
class Session(Access):
    """A person's session and never an API key."""

    @override
    def check(self, principal: Principal) -> None:
        if principal.session_id is None:
            raise Forbidden


@dataclass(frozen=True, slots=True)
class Scoped(Access):
    """A credential with *scope*, or with the operators' scope that includes it."""

    scope: str
    or_operators: str | None = None

    @override
    def check(self, principal: Principal) -> None:
        held = principal.scopes
        if self.scope not in held and (self.or_operators is None or self.or_operators not in held):
            raise InsufficientScope(self.scope)


def reads_as(principal: Principal) -> UUID | None:
    """Return whose objects *principal* may read: None for anybody's."""
    return None if "admin:read" in principal.scopes else principal.id
