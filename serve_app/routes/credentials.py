"""The types of credentials on the wire, and of the people they belong to."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Literal, TypeAlias
from uuid import UUID

import msgspec
from msgspec import Meta

from actors.domain.users import EMAIL_MAX_CHARACTERS
from actors.security.password_rules import MAX_BYTES, MIN_CHARACTERS
from serve_app.routes.objects import TimeText, rfc3339

if TYPE_CHECKING:
    from actors.domain.users import User
    from actors.identity.sign_in import TokenPair

EmailText: TypeAlias = Annotated[
    str,
    Meta(
        max_length=EMAIL_MAX_CHARACTERS,
        description="Compared case-folded.",
        extra_json_schema={"format": "email"},
        examples=["ada@example.com"],
    ),
]
PasswordText: TypeAlias = Annotated[
    str,
    Meta(
        max_length=MAX_BYTES,
        description=f"Taken exactly as sent, at most {MAX_BYTES} bytes.",
        extra={"texts": "verbatim"},
        extra_json_schema={"format": "password"},
    ),
]
NewPasswordText: TypeAlias = Annotated[
    str,
    Meta(
        min_length=MIN_CHARACTERS,
        max_length=MAX_BYTES,
        description="Refused with a reason when it is easy to guess; no composition rules.",
        extra={"texts": "verbatim"},
        extra_json_schema={"format": "password"},
        examples=["correct horse battery staple"],
    ),
]
TokenText: TypeAlias = Annotated[str, Meta(description="As it came by mail or was answered.")]
ScopeText: TypeAlias = Literal[
    "accounts:read",
    "accounts:write",
    "transfers:read",
    "transfers:write",
    "notifications:read",
    "webhooks:write",
    "treasury:write",
    "admin:read",
    "admin:write",
]


LanguageText: TypeAlias = Annotated[
    Literal["en", "vi"], Meta(description="In which you are written to (BCP 47).")
]


class UserObject(msgspec.Struct, frozen=True):
    """A person, as only that person sees it."""

    id: UUID
    email: str
    full_name: str
    status: Literal["unverified", "active", "closed"]
    roles: list[str]
    language: LanguageText
    created_at: TimeText


class TokenPairObject(msgspec.Struct, frozen=True):
    """What keeps a client signed in; the refresh token works once."""

    access_token: str
    token_type: Literal["Bearer"]
    expires_in: int
    refresh_token: str


class SignedInObject(msgspec.Struct, frozen=True):
    """A new session."""

    access_token: str
    token_type: Literal["Bearer"]
    expires_in: int
    refresh_token: str
    user: UserObject


def user_object(user: User) -> UserObject:
    """Return *user* on the wire."""
    return UserObject(
        id=user.id,
        email=user.email,
        full_name=user.full_name,
        status=user.status.value,
        roles=list(user.roles),
        language=user.language,  # type: ignore[arg-type]  # only these are stored
        created_at=utc(user.created_at),
    )


def token_pair_object(pair: TokenPair) -> TokenPairObject:
    """Return *pair* on the wire."""
    return TokenPairObject(pair.access_token, "Bearer", pair.expires_in_seconds, pair.refresh_token)


def utc(at: datetime) -> str:
    """Return *at* of any zone as RFC 3339 in UTC."""
    return rfc3339(at.astimezone(UTC))
