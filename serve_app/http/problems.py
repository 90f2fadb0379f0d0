"""The only home of the status codes of errors (RFC 9457 problem documents)."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

import msgspec

from actors.currencies import currency
from actors.domain.errors import (
    BulkAborted,
    Conflict,
    Forbidden,
    GopherPayError,
    Invalid,
    KeyInProgress,
    Malformed,
    NotFound,
    OutcomeUnknown,
    Refused,
    Throttled,
    Unauthenticated,
    Unavailable,
)
from actors.domain.errors_identity import FieldInvalid
from actors.domain.money import format_amount
from serve_app.http.errors import (
    BodyTooLarge,
    BodyTooSlow,
    ContentTypeUnsupported,
    FieldError,
    HeadersTooLarge,
    MethodNotAllowed,
)
from serve_app.http.exchange import Answer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from serve_app.http.asgi import RawHeaders

TYPE_PREFIX: Final = "https://gopherpay.dev/problems/"
PROBLEM_JSON: Final = b"application/problem+json"

STATUS: Final[Mapping[type[GopherPayError], HTTPStatus]] = {
    GopherPayError: HTTPStatus.INTERNAL_SERVER_ERROR,
    Malformed: HTTPStatus.BAD_REQUEST,
    Invalid: HTTPStatus.UNPROCESSABLE_ENTITY,
    Unauthenticated: HTTPStatus.UNAUTHORIZED,
    Forbidden: HTTPStatus.FORBIDDEN,
    NotFound: HTTPStatus.NOT_FOUND,
    Refused: HTTPStatus.UNPROCESSABLE_ENTITY,
    BulkAborted: HTTPStatus.FAILED_DEPENDENCY,
    Conflict: HTTPStatus.CONFLICT,
    Throttled: HTTPStatus.TOO_MANY_REQUESTS,
    Unavailable: HTTPStatus.SERVICE_UNAVAILABLE,
    OutcomeUnknown: HTTPStatus.GATEWAY_TIMEOUT,
    MethodNotAllowed: HTTPStatus.METHOD_NOT_ALLOWED,
    BodyTooLarge: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    BodyTooSlow: HTTPStatus.REQUEST_TIMEOUT,
    HeadersTooLarge: HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
    ContentTypeUnsupported: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
}
"""By leaf or family: the nearest along the line of inheritance counts."""

RETRYABLE: Final = (Throttled, Unavailable, KeyInProgress)

_ELSEWHERE: Final = frozenset({"allow", "object_kind", "retry_after_seconds"})
_MINOR: Final = "_minor"
_encode: Final = msgspec.json.Encoder().encode


def status_of(kind: type[GopherPayError]) -> HTTPStatus:
    """Return the status of errors of *kind*."""
    return next(STATUS[ancestor] for ancestor in kind.__mro__ if ancestor in STATUS)


def title_of(kind: type[GopherPayError]) -> str:
    """Return the first line of the docstring of *kind*."""
    return (kind.__doc__ or "").strip().partition("\n")[0]


def document(error: GopherPayError, request_id: str) -> dict[str, Any]:
    """Return the problem document of *error*."""
    kind = type(error)
    title = title_of(kind)
    return {
        "type": TYPE_PREFIX + error.code,
        "title": title,
        "status": status_of(kind).value,
        "detail": title,
        "code": error.code,
        "retryable": isinstance(error, RETRYABLE),
        "request_id": request_id,
        **_members(error),
    }


def problem(error: GopherPayError, request_id: str, *, challenge: bool = True) -> Answer:
    """Return the answer that tells of *error*.

    Args:
        error: What was wrong.
        request_id: The request that was first told so.
        challenge: Whether a 401 asks for a credential (RFC 9110 §11.6.1).
    """
    return Answer(
        status_of(type(error)).value,
        _encode(document(error, request_id)),
        PROBLEM_JSON,
        _headers(error, challenge=challenge),
    )


def _headers(error: GopherPayError, *, challenge: bool) -> RawHeaders:
    """Return the headers that belong to *error*."""
    if isinstance(error, Unauthenticated):
        return ((b"www-authenticate", b"Bearer"),) if challenge else ()
    if isinstance(error, MethodNotAllowed):
        return ((b"allow", error.allow.encode()),)
    if isinstance(error, BodyTooLarge | BodyTooSlow | HeadersTooLarge):
        return ((b"connection", b"close"),)  # what is still to come is not read
    if isinstance(error, RETRYABLE):
        seconds = int(getattr(error, "retry_after_seconds", 1))
        return ((b"retry-after", b"%d" % max(1, seconds)),)
    return ()


def _members(error: GopherPayError) -> dict[str, Any]:
    """Return the facts as a client knows them."""
    if isinstance(error, FieldInvalid):
        return {"errors": [FieldError(error.field, error.reason)]}
    facts: dict[str, Any] = error.facts()
    members = {}
    for name, fact in facts.items():
        if name not in _ELSEWHERE:
            members.update(_member(name, fact, facts))
    return members


def _member(name: str, fact: Any, facts: Mapping[str, Any]) -> dict[str, Any]:  # noqa: ANN401
    """Return one fact: an amount in decimals, an object by its id."""
    if name.endswith(_MINOR):
        decimals = currency(facts["currency"]).decimals
        return {name.removesuffix(_MINOR): format_amount(fact, decimals)}
    if name == "object_id":
        return {} if fact is None else {f"{facts['object_kind']}_id": fact}
    return {name: fact}
