"""What people see and change of themselves; and the keys by which tokens are verified."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final, Literal

import msgspec

from actors.domain.errors import AccountsNotEmpty
from actors.domain.errors_identity import PasswordWrong
from serve_app.http.access import Public, Session
from serve_app.http.exchange import Answer, nothing, ok
from serve_app.http.routing import Route
from serve_app.http.texts import Body, Name, Query
from serve_app.routes.credentials import LanguageText, PasswordText, UserObject, user_object

if TYPE_CHECKING:
    from actors.identity.profiles import Profiles
    from serve_app.http.exchange import Call

TAG: Final = "Users"


class ProfileChange(Body, frozen=True):
    """What shall become of a person; what is left out stays."""

    full_name: Name | None = None
    language: LanguageText | None = None


class Farewell(Body, frozen=True):
    """The password, once more."""

    password: PasswordText


class PublicKey(msgspec.Struct, frozen=True):
    """An Ed25519 key (RFC 8037)."""

    kty: Literal["OKP"]
    crv: Literal["Ed25519"]
    x: str
    kid: str
    use: Literal["sig"]
    alg: Literal["EdDSA"]


class PublicKeys(msgspec.Struct, frozen=True):
    """Every key that may have signed a live token (RFC 7517)."""

    keys: Sequence[PublicKey]


class People:
    """The endpoints of ``/v1/users`` and of the published keys."""

    def __init__(self, profiles: Profiles, published: PublicKeys) -> None:
        self._profiles = profiles
        self._published = published

    async def me(self, call: Call[None, Query]) -> Answer:
        """Show the caller."""
        return ok(user_object(await self._profiles.show(call.principal)))

    async def change(self, call: Call[ProfileChange, Query]) -> Answer:
        """Change the caller's name or language."""
        body = call.body
        changed = await self._profiles.change(
            call.principal, full_name=body.full_name, language=body.language
        )
        return ok(user_object(changed))

    async def close(self, call: Call[Farewell, Query]) -> Answer:
        """Close the caller's account with the platform."""
        await self._profiles.close(call.principal, call.body.password)
        return nothing()

    async def keys(self, _call: Call[None, Query]) -> Answer:
        """Show the public keys."""
        return ok(self._published)


def published(keys: dict[str, list[dict[str, str]]]) -> PublicKeys:
    """Return the key set as it is answered."""
    return msgspec.convert(keys, PublicKeys)


def routes(people: People) -> list[Route]:
    """Return the routes of people."""
    return [*_of_oneself(people), _of_keys(people)]


def _of_oneself(people: People) -> list[Route]:
    """Return the routes of the caller."""
    me: dict[str, Any] = {"path": "/v1/users/me", "access": Session(), "tag": TAG}
    shown: dict[str, Any] = {**me, "answers": {200: UserObject}}
    return [
        Route(method="GET", endpoint=people.me, summary="Show yourself", **shown),
        Route(
            method="PATCH",
            endpoint=people.change,
            summary="Change your name or language",
            body=ProfileChange,
            example={"full_name": "Augusta Ada King", "language": "en"},
            notes="The language is that of notifications and mails.",
            **shown,
        ),
        Route(
            method="DELETE",
            endpoint=people.close,
            summary="Leave",
            body=Farewell,
            answers={204: None},
            problems=(PasswordWrong, AccountsNotEmpty),
            notes="Empty accounts are closed with you.",
            **me,
        ),
    ]


def _of_keys(people: People) -> Route:
    """Return the route of the published keys."""
    return Route(
        method="GET",
        path="/.well-known/jwks.json",
        endpoint=people.keys,
        access=Public(),
        tag=TAG,
        summary="Show the keys that verify access tokens",
        answers={200: PublicKeys},
    )
