"""What people see and change of themselves, and what an administrator grants them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from actors.domain.errors import Unauthenticated
from actors.domain.errors_identity import UserUnknown
from actors.domain.events import roles_changed, user_closed, user_updated
from actors.domain.users import OPERATOR, canonical_email, checked_full_name, checked_language
from actors.identity.proof import Proof, person
from actors.identity.vault import Vault
from actors.store.identity.users import UserStore

if TYPE_CHECKING:
    from actors.domain.principals import Principal
    from actors.domain.users import User
    from actors.store.identity.users import UserRow


@dataclass(frozen=True, slots=True)
class Profiles:
    """People as they are."""

    users: UserStore
    vault: Vault
    proof: Proof

    async def show(self, principal: Principal) -> User:
        """Return the person.

        Raises:
            InsufficientScope: If the credential is an API key.
        """
        return self.vault.user(await self._row(principal))

    async def change(
        self, principal: Principal, *, full_name: str | None = None, language: str | None = None
    ) -> User:
        """Change what is given and return the person.

        Raises:
            FieldInvalid: If it is not allowed.
            InsufficientScope: If the credential is an API key.
        """
        name = None if full_name is None else checked_full_name(full_name)
        spoken = None if language is None else checked_language(language)
        row = await self._row(principal)
        before = self.vault.user(row)
        after = replace(
            before, full_name=name or before.full_name, language=spoken or before.language
        )
        changed = [
            each
            for each in ("full_name", "language")
            if getattr(after, each) != getattr(before, each)
        ]
        if changed:
            sealed = self.vault.renamed(row, after.full_name)
            await self.users.change(row.id, sealed, after.language, user_updated(row.id, changed))
        return after

    async def close(self, principal: Principal, password: str) -> None:
        """Close the person's account with the platform; every credential dies with it.

        Raises:
            PasswordWrong: If *password* is not theirs.
            AccountsNotEmpty: If money or holds are left.
            InsufficientScope: If the credential is an API key.
        """
        user_id = person(principal)
        await self.proof.of_user(user_id, password, "password")
        await self.users.close(user_id, user_closed(user_id))

    async def grant_operator(self, email: str) -> User:
        """Make the verified user of *email* an operator, from their next token on.

        Raises:
            UserUnknown: If there is none.
        """
        row = await self.users.active_by_address(self.vault.address_index(canonical_email(email)))
        if row is None:
            raise UserUnknown
        await self.users.grant_role(row.id, OPERATOR, roles_changed(row.id))
        return replace(self.vault.user(row), roles=tuple({*row.roles, OPERATOR}))

    async def _row(self, principal: Principal) -> UserRow:
        row = await self.users.active(person(principal))
        if row is None:  # closed within the last seconds
            raise Unauthenticated
        return row
