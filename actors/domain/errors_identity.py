"""What can be wrong with people, their credentials and their wishes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from actors.domain.errors import Conflict, Forbidden, Invalid, Malformed, Refused


@dataclass(eq=False)
class FieldInvalid(Invalid):
    """A field has a value that is not allowed."""

    code: ClassVar[str] = "validation-failed"
    field: str
    reason: str


@dataclass(eq=False)
class TokenInvalid(Malformed):
    """The token is unknown, used or expired."""

    code: ClassVar[str] = "token-invalid"


@dataclass(eq=False)
class PasswordWrong(Refused):
    """The current password is not this one."""

    code: ClassVar[str] = "password-wrong"


@dataclass(eq=False)
class ScopeBeyondRole(Forbidden):
    """Your role does not reach this scope."""

    code: ClassVar[str] = "forbidden-action"
    scope: str


@dataclass(eq=False)
class UserUnknown(Conflict):
    """There is no verified user with this address."""

    code: ClassVar[str] = "user-unknown"


@dataclass(eq=False)
class WebhooksTooMany(Conflict):
    """You have as many webhooks as there may be."""

    code: ClassVar[str] = "webhooks-too-many"
    limit: int


@dataclass(eq=False)
class WebhookDisabled(Conflict):
    """Nothing is sent to this webhook until it is made active again."""

    code: ClassVar[str] = "webhook-disabled"
