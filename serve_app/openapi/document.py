"""The OpenAPI 3.1 document of a table of routes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

import msgspec

from actors.domain.errors import (
    Forbidden,
    GopherPayError,
    InsufficientScope,
    NotFound,
    OutcomeUnknown,
    Overloaded,
    Throttled,
    Unauthenticated,
)
from serve_app.http.access import Public, Scoped
from serve_app.http.errors import (
    BodyTooLarge,
    BodyTooSlow,
    ContentTypeUnsupported,
    FieldError,
    JsonMalformed,
    KeyInvalid,
    KeyMissing,
    ValidationFailed,
)
from serve_app.http.problems import status_of, title_of
from serve_app.http.routing import KeyPolicy, Route
from serve_app.http.texts import ID_PATTERN
from serve_app.openapi.samples import REFERENCE, sample

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

TITLE: Final = "GopherPay"
VERSION: Final = "1"
SECURITY: Final = "bearer"

_PARAMETER: Final = re.compile(r"\{([a-z_]+)\}")
_REQUEST_ID: Final = {"X-Request-Id": {"schema": {"type": "string"}, "required": True}}
_REPLAYED: Final = {"Idempotent-Replayed": {"schema": {"type": "string", "enum": ["true"]}}}
_ID_SCHEMA: Final = {
    "type": "string",
    "format": "uuid",
    "pattern": ID_PATTERN,
    "minLength": 36,
    "maxLength": 36,
}
_KEY_SCHEMA: Final = {
    "type": "string",
    "minLength": 1,
    "maxLength": 255,
    "pattern": "^[!-~]+$",
    "examples": ["order-1234"],
}

_OF_KEYS: Final[Mapping[KeyPolicy, tuple[type[GopherPayError], ...]]] = {
    KeyPolicy.IGNORED: (),
    KeyPolicy.OPTIONAL: (KeyInvalid,),
    KeyPolicy.REQUIRED: (KeyMissing, KeyInvalid),
    KeyPolicy.REQUIRED_UNLESS_DRY_RUN: (KeyMissing, KeyInvalid),
}


class Problem(msgspec.Struct, frozen=True):
    """What was wrong (RFC 9457); facts about it are further members."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    retryable: bool
    request_id: str
    errors: list[FieldError] | msgspec.UnsetType = msgspec.UNSET


def document(routes: Sequence[Route]) -> dict[str, Any]:
    """Return the document of *routes*."""
    components = _components(routes)
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        operation = _operation(route, components)
        paths.setdefault(route.path, {})[route.method.lower()] = operation
    return {
        "openapi": "3.1.0",
        "info": {"title": TITLE, "version": VERSION, "description": "A payment platform."},
        "tags": [{"name": tag} for tag in dict.fromkeys(route.tag for route in routes)],
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {SECURITY: {"type": "http", "scheme": "bearer"}},
        },
    }


def _components(routes: Sequence[Route]) -> dict[str, Any]:
    """Return the schema of every type by its name."""
    types: list[Any] = [Problem]
    for route in routes:
        types.extend(kind for kind in route.answers.values() if kind is not None)
        types.append(route.query)
        if route.body is not None:
            types.append(route.body)
    unique = list(dict.fromkeys(types))
    _, components = msgspec.json.schema_components(unique, ref_template=REFERENCE + "{name}")
    return dict(components)


def _schema(kind: Any) -> dict[str, Any]:  # noqa: ANN401  a type expression
    """Return the schema of *kind*, named types by reference."""
    (schema,), _ = msgspec.json.schema_components([kind], ref_template=REFERENCE + "{name}")
    return schema


def _operation(route: Route, components: Mapping[str, Any]) -> dict[str, Any]:
    """Return one operation."""
    operation: dict[str, Any] = {
        "operationId": _operation_id(route),
        "summary": route.summary,
        "description": " ".join(filter(None, (route.notes, _who(route)))),
        "tags": [route.tag],
        "parameters": [*_path_parameters(route), *_query_parameters(route, components)],
        "responses": {**_successes(route, components), **_problems(route)},
        "security": [] if isinstance(route.access, Public) else [{SECURITY: []}],
    }
    if route.key is not KeyPolicy.IGNORED:
        operation["parameters"].append(_key_parameter(route))
    if route.body is not None:
        operation["requestBody"] = _request_body(route, components)
    return operation


def _operation_id(route: Route) -> str:
    """Return a name made of method and path."""
    return re.sub(r"\W+", "_", f"{route.method.lower()}{route.path}").strip("_")


def _who(route: Route) -> str:
    """Return who may call, in a sentence."""
    access = route.access
    if isinstance(access, Public):
        return "Needs no credential."
    if isinstance(access, Scoped):
        scopes = " or ".join(filter(None, (access.scope, access.or_operators)))
        return f"Needs the scope {scopes}."
    return "Needs a session; an API key will not do."


def _path_parameters(route: Route) -> list[dict[str, Any]]:
    """Return the ids in the path."""
    return [
        {"name": name, "in": "path", "required": True, "schema": _ID_SCHEMA}
        for name in _PARAMETER.findall(route.path)
    ]


def _query_parameters(route: Route, components: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the query parameters."""
    schema = components[route.query.__name__]
    required = schema.get("required", ())
    return [
        {
            "name": name,
            "in": "query",
            "required": name in required,
            "schema": _without_null(member),
            **({"style": "deepObject", "explode": True} if _is_map(member) else {}),
        }
        for name, member in schema["properties"].items()
    ]


def _without_null(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return the schema of a text in a URL, where nothing is null."""
    plain = {name: part for name, part in schema.items() if name not in {"anyOf", "default"}}
    kinds = [kind for kind in schema.get("anyOf", (schema,)) if kind.get("type") != "null"]
    return {**plain, **kinds[0]}


def _is_map(schema: Mapping[str, Any]) -> bool:
    """Tell whether the parameter is written ``name[key]=value``."""
    return _without_null(schema).get("type") == "object"


def _key_parameter(route: Route) -> dict[str, Any]:
    """Return the Idempotency-Key header."""
    return {
        "name": "Idempotency-Key",
        "in": "header",
        "required": route.key is KeyPolicy.REQUIRED,
        "schema": _KEY_SCHEMA,
        "description": (
            "Makes a repetition safe: the same key and command give the same answer."
            + (
                " Required, except for a dry run."
                if route.key is KeyPolicy.REQUIRED_UNLESS_DRY_RUN
                else ""
            )
        ),
    }


def _request_body(route: Route, components: Mapping[str, Any]) -> dict[str, Any]:
    """Return the body."""
    schema = _schema(route.body)
    example = sample(schema, components) if route.example is None else route.example
    return {
        "required": not route.body_optional,
        "content": {"application/json": {"schema": schema, "example": example}},
    }


def _successes(route: Route, components: Mapping[str, Any]) -> dict[str, Any]:
    """Return the answers that are no problems."""
    headers = _REQUEST_ID | ({} if route.key is KeyPolicy.IGNORED else _REPLAYED)
    answers = {}
    for status, kind in route.answers.items():
        answer: dict[str, Any] = {"description": route.summary, "headers": headers}
        if kind is not None:
            schema = _schema(kind)
            example = sample(schema, components)
            answer["content"] = {route.content_type: {"schema": schema, "example": example}}
        answers[str(status)] = answer
    return answers


def _problems(route: Route) -> dict[str, Any]:
    """Return the problems by status, each with its codes."""
    by_status: dict[str, dict[str, str]] = {}
    for kind in (*_of_frame(route), *route.problems):
        codes = by_status.setdefault(str(status_of(kind).value), {})
        codes[kind.code] = title_of(kind)
    schema = {"$ref": f"{REFERENCE}Problem"}
    return {
        status: {
            "description": "\n".join(f"`{code}`: {title}" for code, title in codes.items()),
            "headers": _REQUEST_ID | _headers(status, route),
            "content": {"application/problem+json": {"schema": schema}},
        }
        for status, codes in sorted(by_status.items())
    }


def _headers(status: str, route: Route) -> dict[str, Any]:
    """Return the headers that a problem of *status* has."""
    seconds = {"Retry-After": {"schema": {"type": "integer", "minimum": 1}, "required": True}}
    challenge = {"WWW-Authenticate": {"schema": {"type": "string"}, "required": True}}
    replayed = {} if route.key is KeyPolicy.IGNORED else _REPLAYED
    by_status: dict[str, dict[str, Any]] = {
        "401": {} if route.path.startswith("/v1/auth/") else challenge,
        "409": replayed,
        "422": replayed,
        "429": seconds,
        "503": seconds,
        "504": seconds,
    }
    return by_status.get(status, {})


def _of_frame(route: Route) -> Iterable[type[GopherPayError]]:
    """Yield what the frame refuses before the endpoint is asked."""
    yield from (ValidationFailed, Throttled, Overloaded)
    if not isinstance(route.access, Public):
        yield Unauthenticated
        yield InsufficientScope if isinstance(route.access, Scoped) else Forbidden
    if "{" in route.path:
        yield NotFound
    if route.body is not None:
        yield from (JsonMalformed, BodyTooSlow, BodyTooLarge, ContentTypeUnsupported)
    if route.method != "GET":
        yield OutcomeUnknown
    yield from _OF_KEYS[route.key]
