"""What people see and change of themselves, and what an administrator grants them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from actors.domain.errors import Unauthenticated
from actors.domain.errors_identity import UserUnknown
from actors.domain.events import fact
from actors.domain.users import OPERATOR, canonical_email, checked_full_name
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

    async def rename(self, principal: Principal, full_name: str) -> User:
        """Change the name and return the person.

        Raises:
            FieldInvalid: If it is not allowed.
            InsufficientScope: If the credential is an API key.
        """
        name = checked_full_name(full_name)
        row = await self._row(principal)
        await self.users.rename(row.id, self.vault.renamed(row, name))
        return replace(self.vault.user(row), full_name=name)

    async def close(self, principal: Principal, password: str) -> None:
        """Close the person's account with the platform; every credential dies with it.

        Raises:
            PasswordWrong: If *password* is not theirs.
            AccountsNotEmpty: If money or holds are left.
            InsufficientScope: If the credential is an API key.
        """
        user_id = person(principal)
        await self.proof.of_user(user_id, password, "password")
        await self.users.close(
            user_id, fact("user.closed", "user", user_id, {"user_id": str(user_id)})
        )

    async def grant_operator(self, email: str) -> User:
        """Make the verified user of *email* an operator, from their next token on.

        Raises:
            UserUnknown: If there is none.
        """
        row = await self.users.active_by_address(self.vault.address_index(canonical_email(email)))
        if row is None:
            raise UserUnknown
        data = {"user_id": str(row.id), "credential": "roles"}
        event = fact("credential.changed", "user", row.id, data)
        await self.users.grant_role(row.id, OPERATOR, event)
        return replace(self.vault.user(row), roles=tuple({*row.roles, OPERATOR}))

    async def _row(self, principal: Principal) -> UserRow:
        row = await self.users.active(person(principal))
        if row is None:  # closed within the last seconds
            raise Unauthenticated
        return row
