"""API keys: made by people for their programs, and by the administrator for the platform."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from actors.domain.credentials import ApiKeyInfo
from actors.domain.errors import NotFound, Unauthenticated
from actors.domain.errors_identity import FieldInvalid
from actors.domain.events import api_key_changed
from actors.domain.principals import PLATFORM_ID
from actors.domain.users import OPERATOR, granted_scopes
from actors.identity.proof import person
from actors.ids import new_id
from actors.security.opaque_tokens import ApiKey, new_api_key
from actors.store.identity.api_keys import ApiKeyStore, NewApiKey
from actors.store.identity.users import UserStore

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from uuid import UUID

    from actors.domain.principals import Principal

NAME_MAX_CHARACTERS: Final = 100


@dataclass(frozen=True, slots=True)
class MadeKey:
    """A new key with its secret, which is shown this once."""

    info: ApiKeyInfo
    secret: str


@dataclass(frozen=True, slots=True)
class ApiKeys:
    """Keys of people and of the platform."""

    store: ApiKeyStore
    users: UserStore

    async def create(
        self,
        principal: Principal,
        name: str,
        scopes: Sequence[str],
        expires_at: datetime | None = None,
    ) -> MadeKey:
        """Make a key with at most the scopes that the person's role reaches.

        Raises:
            ScopeBeyondRole: If a scope is beyond it.
            FieldInvalid: If a scope is none, the name is too long, or it expires in the past.
            InsufficientScope: If the credential is an API key itself.
        """
        row = await self.users.active(person(principal))
        if row is None:
            raise Unauthenticated
        key = new_api_key(new_id())
        granted = granted_scopes(scopes, row.roles)
        return await self._add(
            key, NewApiKey(key.id, row.id, _name(name), granted, key.fingerprint, expires_at)
        )

    async def create_for_platform(self, name: str, scopes: Sequence[str]) -> MadeKey:
        """Make a key that belongs to the platform itself; the administrator's own way.

        Raises:
            FieldInvalid: If a scope is none, or the name is too long.
        """
        key = new_api_key(new_id())
        granted = granted_scopes(scopes, (OPERATOR,))
        return await self._add(
            key, NewApiKey(key.id, None, _name(name), granted, key.fingerprint, None)
        )

    async def page(
        self, principal: Principal, *, before: UUID | None, limit: int
    ) -> list[ApiKeyInfo]:
        """Return the person's keys, newest first, those made before *before*.

        Raises:
            InsufficientScope: If the credential is an API key.
        """
        return await self.store.page_of(person(principal), before=before, limit=limit)

    async def delete(self, principal: Principal, key_id: UUID) -> None:
        """Delete a key of the person; it is dead everywhere within five seconds.

        Raises:
            NotFound: If there is none, or it is somebody else's.
            InsufficientScope: If the credential is an API key.
        """
        user_id = person(principal)
        if not await self.store.delete(key_id, user_id, api_key_changed(user_id, key_id)):
            raise NotFound

    async def _add(self, key: ApiKey, new: NewApiKey) -> MadeKey:
        info = await self.store.add(new, api_key_changed(new.user_id or PLATFORM_ID, new.id))
        return MadeKey(info, key.text)


def _name(name: str) -> str:
    if not 1 <= len(name) <= NAME_MAX_CHARACTERS or "\0" in name:
        raise FieldInvalid("name", f"1 to {NAME_MAX_CHARACTERS} characters")
    return name
