"""What can be wrong with a request before any rule of money is asked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from actors.domain.errors import GopherPayError, Invalid, Malformed, Unavailable


@dataclass(frozen=True, slots=True)
class FieldError:
    """One wrong field: its known name, and what is wrong with it; never what was sent."""

    field: str
    message: str


@dataclass(eq=False)
class JsonMalformed(Malformed):
    """The body is not a JSON text this API reads."""

    code: ClassVar[str] = "json-malformed"


@dataclass(eq=False)
class CursorInvalid(Malformed):
    """The cursor is not one that this list gave you."""

    code: ClassVar[str] = "cursor-invalid"


@dataclass(eq=False)
class KeyMissing(Malformed):
    """This call needs an Idempotency-Key header."""

    code: ClassVar[str] = "idempotency-key-missing"


@dataclass(eq=False)
class KeyInvalid(Malformed):
    """The Idempotency-Key is not one header of 1 to 255 visible ASCII characters."""

    code: ClassVar[str] = "idempotency-key-invalid"


@dataclass(eq=False)
class ValidationFailed(Invalid):
    """A field is missing, unknown or has a value out of its range."""

    code: ClassVar[str] = "validation-failed"
    errors: tuple[FieldError, ...]


class EdgeRefusal(GopherPayError):
    """The request cannot be taken in this form."""


@dataclass(eq=False)
class MethodNotAllowed(EdgeRefusal):
    """This resource does not know the method."""

    code: ClassVar[str] = "method-not-allowed"
    allow: str


@dataclass(eq=False)
class BodyTooLarge(EdgeRefusal):
    """The body is larger than this call takes."""

    code: ClassVar[str] = "body-too-large"
    limit_bytes: int


@dataclass(eq=False)
class BodyTooSlow(EdgeRefusal):
    """The body did not arrive in time."""

    code: ClassVar[str] = "body-too-slow"


@dataclass(eq=False)
class HeadersTooLarge(EdgeRefusal):
    """The headers are more than this API reads."""

    code: ClassVar[str] = "headers-too-large"


@dataclass(eq=False)
class ContentTypeUnsupported(EdgeRefusal):
    """The body must be application/json in UTF-8 without a content encoding."""

    code: ClassVar[str] = "content-type-unsupported"


@dataclass(eq=False)
class NotReady(Unavailable):
    """This process cannot serve yet."""

    code: ClassVar[str] = "not-ready"
    failing: str
    retry_after_seconds: int = 1


def invalid(field: str, message: str) -> ValidationFailed:
    """Return the error of one wrong field."""
    return ValidationFailed((FieldError(field, message),))
